/** Single labels: what a value of the column says that names the better response. */

/** What the numbers of a label mean: the two ends of a scale, or, with a code for a tie, three codes. */
export interface LabelNumbers {
  /** The first response is better. */
  readonly first: number;
  /** The second response is better. */
  readonly second: number;
  /** Neither is; absent: the middle of the scale from `first` to `second`. */
  readonly tie?: number;
}

/** By plainLabel(). */
const TIES: ReadonlySet<string> = new Set(
  [
    ["tie", "tied", "draw", "equal", "same", "both", "neither", "none", "nopreference"],
    ["bothbad", "bothgood", "tiebothbad", "tiebothgood", "tieinconsistent"],
  ].flat(),
);

/** Whether a word says that no response is better: "tie", "Tie (bothbad)", "both_bad", "draw". */
export function isTie(value: unknown): boolean {
  return typeof value === "string" && TIES.has(plainLabel(value));
}

/** No label is longer. */
const MAX_CHARACTERS = 40;

/** A label without case, blanks and the marks that people and programs put around it: "[[A]]", "both_bad", "Response 1". */
export function plainLabel(value: string): string {
  return value.length > MAX_CHARACTERS ? "" : value.toLowerCase().replaceAll(/[\s_.()[\]"'*]|(?<=\w)-(?=\w)/g, "");
}

/** A finite number, also as text in a cell; undefined: none. */
export function asNumber(value: unknown): number | undefined {
  const isText = typeof value === "string" && /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(value.trim());
  const number = isText || typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A number, or a boolean as 0 or 1, also "True" and "False" as pandas writes them to CSV. */
export function labelNumber(value: unknown): number | undefined {
  const flag = asFlag(value);
  return flag === undefined ? asNumber(value) : Number(flag);
}

/** A boolean, also as text in a cell; undefined: none. */
export function asFlag(value: unknown): boolean | undefined {
  const flag = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (flag === true || flag === "true") return true;
  return flag === false || flag === "false" ? false : undefined;
}

/** Nobody said which is better: null, NaN, and how these are written in cells. */
export function isUnjudged(value: unknown): boolean {
  if (value === undefined || value === null || (typeof value === "number" && Number.isNaN(value))) return true;
  return typeof value === "string" && /^(?:n\/a|nan|none|null|<na>)?$/i.test(value.trim());
}

/** What a judge wrote of two responses, such as "A>B", "[[A<<B]]" or "A=B": their letters, and which is better. */
interface LetterVerdict {
  readonly letters: readonly [string, string];
  readonly better: 0 | 1 | "tie";
}

export function letterVerdict(value: unknown): LetterVerdict | undefined {
  const [, first, sign, second] = /^\[*(\w)\s*(>{1,3}|<{1,3}|={1,2})\s*(\w)\]*$/.exec(String(value).trim()) ?? [];
  if (first === undefined || sign === undefined || second === undefined) return undefined;
  return { letters: [first, second], better: sign[0] === "=" ? "tie" : sign[0] === ">" ? 0 : 1 };
}

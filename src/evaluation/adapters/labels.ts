/**
 * Labels: the values of the column that says which response is better. What they mean is decided by all of them: a file of
 * another scale has rows that seem to fit, and numbers of these rows alone would be wrong without a sign of it.
 */
import { describeField } from "../../prompt/texts.ts";

/** The column of a file that has its labels. */
export interface LabelColumn {
  readonly name: string;
  /** Whether a value names a response, or a tie. */
  readonly isKnown: (value: unknown) => boolean;
  /**
   * Why a file with these labels cannot be read, as a sentence.
   *
   * @param isFound the layout was found from the columns; otherwise it was asked for by its name
   */
  readonly problem: (values: LabelValues, isFound: boolean) => string | undefined;
}

/** What the numbers of a label mean: the two ends of a scale, or, with a code for a tie, three codes. */
export interface LabelNumbers {
  /** The first response is better. */
  readonly first: number;
  /** The second response is better. */
  readonly second: number;
  /** Neither is; absent: the middle of the scale from `first` to `second`. */
  readonly tie?: number;
}

/** A label and where it is. */
interface Seen {
  readonly value: unknown;
  readonly where: string;
}

/** More than three are no codes of two responses and a tie. */
const MAX_DISTINCT = 4;

/** All labels of a file. */
export class LabelValues {
  /** Without those of rows that nobody judged. */
  count = 0;
  /** Of the numbers; booleans are 0 and 1. */
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;
  /** The numbers, up to MAX_DISTINCT of them. */
  readonly distinct = new Set<number>();
  /** Numbers that are not known. */
  wrongNumbers = 0;
  /** Others that are not known. */
  wrongWords = 0;
  firstNumber: Seen | undefined;
  firstWord: Seen | undefined;

  add(value: unknown, where: string, isKnown: LabelColumn["isKnown"]): void {
    const known = isKnown(value);
    if (!known && isUnjudged(value)) return;
    this.count += 1;
    const number = labelNumber(value);
    if (number !== undefined) {
      this.low = Math.min(this.low, number);
      this.high = Math.max(this.high, number);
      if (this.distinct.size < MAX_DISTINCT) this.distinct.add(number);
    }
    if (known) return;
    if (number === undefined) {
      this.wrongWords += 1;
      this.firstWord ??= { value, where };
    } else {
      this.wrongNumbers += 1;
      this.firstNumber ??= { value, where };
    }
  }
}

/** Three whole numbers in a row, of which the middle one may be that of a scale, or any of them a code for a tie. */
export function areThree({ low, high, distinct }: LabelValues): boolean {
  return distinct.size === 3 && Number.isInteger(low) && high - low === 2 && distinct.has(low + 1);
}

/** Of a hundred labels, one may be wrong: a problem of its row. More are of another layout than this one. */
const MAX_WRONG_WORDS = 0.01;

/** Words that mean nothing here, if they are more than a few. */
export function wordsProblem(name: string, { count, wrongWords, firstWord }: LabelValues, expected: string) {
  if (firstWord === undefined) return undefined;
  const isFew = 2 * wrongWords <= count && wrongWords <= Math.max(1, count * MAX_WRONG_WORDS);
  if (isFew) return undefined;
  const others = wrongWords === 1 ? "" : ` (and ${wrongWords} of ${count} labels like it)`;
  return `${JSON.stringify(name)} has ${describeField(firstWord.value)} at ${firstWord.where}${others}; expected ${expected}.`;
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

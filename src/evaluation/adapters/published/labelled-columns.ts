/** Where a file has a prompt, responses in columns of their own, and a label. */
import { plainLabel } from "../labels.ts";

const PROMPTS = ["prompt", "messages", "question", "instruction", "query", "context", "conversation", "input"];
const STEMS = ["response", "answer", "output", "completion", "generation", "summary", "reply", "candidate", "text"];
/** With an s, it is the plural. */
const RESPONSES = STEMS.map((stem) => new RegExp(`^${stem}[_ -]?([a-rt-z]|[0-9]{1,3})$`, "i"));
const LABELS = [
  ...["label", "labels", "winner", "preference", "preferred", "choice", "chosen", "better", "best", "verdict"],
  ...["judgment", "judgement", "human_preference", "preferred_response", "better_response", "probability", "prob"],
];

/** Labels that may as well be 0 and 1; a winner or a choice is the number of a response. */
const CODES: readonly string[] = ["label", "labels", "preference", "human_preference", "probability", "prob"];

export interface LabelledColumns {
  readonly prompt: string;
  readonly responses: readonly string[];
  /** What the names of the responses end in: "a", "1". */
  readonly endings: readonly string[];
  readonly label: string;
}

/** Undefined if the names are not these, or more than one could be meant. */
export function labelledColumns(names: readonly string[]): LabelledColumns | undefined {
  const { sets, labels, prompts } = candidates(names);
  const [[set], [label], [prompt]] = [sets, labels, prompts];
  const isClear = sets.length === 1 && labels.length === 1 && isOnePrompt(prompts);
  if (!isClear || set === undefined || label === undefined || prompt === undefined) return undefined;
  return { prompt, label, responses: set.map(({ name }) => name), endings: set.map(({ ending }) => ending) };
}

/** Why names that have responses in columns are not enough; undefined: they have none, or they are. */
export function columnsProblem(names: readonly string[]): string | undefined {
  const { sets, others, labels, prompts } = candidates(names);
  const [gap] = others;
  if (sets.length === 0 && gap !== undefined)
    return `${gap.map(({ name }) => name).join(", ")} are not counted without a gap from a, 0 or 1: rename or remove a column`;
  const [set, other] = sets.map((one) => `${one.map(({ name }) => name).join(", ")}`);
  if (set === undefined) return undefined;
  if (other !== undefined) return `the responses may be ${set} or ${other}: remove those that are not meant`;
  if (labels.length !== 1) return whichOne("label", labels);
  return isOnePrompt(prompts) ? undefined : whichOne("prompt", prompts);
}

function whichOne(field: string, found: readonly string[]): string {
  const [first] = found;
  const names = found.map((name) => JSON.stringify(name)).join(" or ");
  return first === undefined
    ? `no column has the name of a ${field}: --field ${field}=COLUMN says which it is`
    : `the ${field} may be ${names}: --field ${field}=${first} chooses one`;
}

/** Whether a column of labels may have 0 and 1 in place of the numbers of the responses. */
export function isCode({ label, endings }: LabelledColumns): boolean {
  return CODES.some((name) => isSameName(name, label)) && endings.join() === "1,2";
}

/** Whether a column may be one of labels, by its name. */
export function isLabelName(name: string): boolean {
  return LABELS.some((known) => isSameName(known, name));
}

interface ResponseColumn {
  readonly name: string;
  readonly ending: string;
}

function candidates(names: readonly string[]) {
  const all = RESPONSES.map((pattern) => {
    const found = names.flatMap((name): ResponseColumn[] => {
      const [, ending] = pattern.exec(name) ?? [];
      return ending === undefined ? [] : [{ name, ending: ending.toLowerCase() }];
    });
    return found.sort((a, b) => a.ending.length - b.ending.length || (a.ending < b.ending ? -1 : 1));
  }).filter((columns) => columns.length > 1);
  const isSet = (columns: readonly ResponseColumn[]) => isSeries(columns.map(({ ending }) => ending));
  return {
    sets: all.filter(isSet),
    others: all.filter((columns) => !isSet(columns)),
    labels: LABELS.flatMap((known) => names.filter((name) => isSameName(known, name))),
    prompts: PROMPTS.flatMap((known) => names.filter((name) => isSameName(known, name))),
  };
}

function isOnePrompt([first, ...others]: readonly string[]): boolean {
  return first !== undefined && (others.length === 0 || isSameName(first, "prompt"));
}

/** a, b, …; or 0, 1, …; or 1, 2, … */
function isSeries(endings: readonly string[]): boolean {
  const start = ["a", "0", "1"].find((one) => one === endings[0]);
  if (start === undefined) return false;
  return endings.every((ending, i) => ending === nthEnding(start, i));
}

function nthEnding(start: string, i: number): string {
  return start === "a" ? String.fromCharCode(start.charCodeAt(0) + i) : String(Number(start) + i);
}

function isSameName(one: string, other: string): boolean {
  return plainLabel(one) === plainLabel(other);
}

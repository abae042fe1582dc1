/**
 * A prompt, responses in columns of their own (response_a and response_b, answer_1 and answer_2, …) and a label. Labels that
 * name a response are read as they are: "a", "B", "model_a", "response_1", "A>B", "tie"; and numbers where the columns have
 * these numbers. What other numbers mean differs between data sets (1 is the first response in SHP, the second in most), so
 * they are read only by a name with their scale: two-responses:0..1 is 0 where the first response is better and 1 where the
 * second is, two-responses:1..0 the reverse; likewise -1..1, 1..2, 1..7, and probabilities. Of three numbers, one may be a code
 * for a tie, in the middle of no scale: two-responses:0,1,2 is 2 for a tie (GAIR-NLP/auto-j, data/test/testdata_pairwise.jsonl),
 * two-responses:1,2,0 is 0 for one (WeOpenML/PandaLM, data/testset-v1.json).
 */
import { type Fields, plainName } from "../../../prompt/input-fields.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  fieldsOf,
  itemOf,
  namesOf,
  promptOf,
  rowFields,
  textOf,
  writtenBy,
  wrong,
  wrongShape,
} from "../adapter.ts";
import { asNumber, type Facts, type Layout } from "../layout.ts";
import { type Grades, judged, onScale, type Verdict } from "./described.ts";

const PROMPTS = ["prompt", "messages", "question", "instruction", "query", "context", "conversation", "input"];
const STEMS = ["response", "answer", "output", "completion", "generation", "summary", "reply", "candidate", "text"];
const RESPONSES = STEMS.map((stem) => new RegExp(`^${stem}[_ -]?([ab]|[0-9])$`, "i"));
const LABELS = [
  ...[
    "label",
    "labels",
    "winner",
    "preference",
    "preferred",
    "choice",
    "chosen",
    "better",
    "best",
    "verdict",
    "judgment",
  ],
  ...["judgement", "human_preference", "preferred_response", "better_response", "probability", "prob"],
];
/** By plainName(). */
const TIES: readonly string[] = [
  "tie",
  "tied",
  "draw",
  "equal",
  "same",
  "both",
  "neither",
  "bothbad",
  "tiebothbad",
  "bothgood",
  "none",
  "c",
];

/** Labels that may as well be 0 and 1; a winner or a choice is the number of a response. */
const CODES: readonly string[] = ["label", "labels", "preference", "human_preference", "probability", "prob"];

interface Columns {
  readonly prompt: string;
  readonly responses: readonly string[];
  /** What the names of the responses end in: "a", "1". */
  readonly endings: readonly string[];
  readonly label: string;
}

/** Undefined if the names are not these, or more than one could be meant. */
function columnsOf(names: readonly string[]): Columns | undefined {
  const sets = RESPONSES.flatMap((pattern) => {
    const found = names.flatMap((name) => {
      const [, ending] = pattern.exec(name) ?? [];
      return ending === undefined ? [] : [{ name, ending: ending.toLowerCase() }];
    });
    const sorted = found.sort((a, b) => (a.ending < b.ending ? -1 : 1));
    return isSeries(sorted.map(({ ending }) => ending)) ? [sorted] : [];
  });
  const labels = LABELS.filter((name) => names.includes(name));
  const prompts = PROMPTS.filter((name) => names.includes(name));
  const [[set], [label], [prompt]] = [sets, labels, prompts];
  const isClear = sets.length === 1 && labels.length === 1 && (prompts.length === 1 || prompt === "prompt");
  if (!isClear || set === undefined || label === undefined || prompt === undefined) return undefined;
  return { prompt, label, responses: set.map(({ name }) => name), endings: set.map(({ ending }) => ending) };
}

/** a and b; or 0, 1, …; or 1, 2, … */
function isSeries(endings: readonly string[]): boolean {
  if (endings.join() === "a,b") return true;
  const first = Number(endings[0]);
  return endings.length > 1 && first <= 1 && endings.every((ending, i) => ending === String(first + i));
}

/** The index of the response that a label names; "tie"; undefined: it names none. */
function named(value: unknown, { endings, responses }: Columns): number | "tie" | undefined {
  if (typeof value === "boolean") return undefined;
  const text = String(value).trim();
  const compare = /^\[*(\w)\s*(>>?|=)\s*(\w)\]*$/.exec(text);
  if (compare !== null && endings.length === 2) {
    const [first, second] = [compare[1], compare[3]].map((one) => endings.indexOf((one as string).toLowerCase()));
    if (first === undefined || second === undefined || first < 0 || second < 0 || first === second) return undefined;
    return compare[2] === "=" ? "tie" : first;
  }
  const plain = plainName(text);
  if (TIES.includes(plain)) return "tie";
  const number = asNumber(value);
  const index = endings.findIndex((ending, i) => {
    // plainName() drops signs and points.
    if (number !== undefined) return number === asNumber(ending);
    const column = plainName(responses[i] as string);
    return [ending, `response${ending}`, `model${ending}`, `assistant${ending}`, column].includes(plain);
  });
  return index < 0 ? undefined : index;
}

const SHAPE = '{"prompt","response_a","response_b","label"}';

function adaptLabelled(
  row: unknown,
  options: AdaptOptions,
  gradesOf: (fields: Fields, columns: Columns) => Grades,
): Adapted {
  const columns = columnsOf(Object.keys(fieldsOf(row)));
  if (columns === undefined) throw wrongShape(SHAPE, fieldsOf(row));
  const fields = rowFields(row, options, SHAPE, [columns.prompt, ...columns.responses, "system"]);
  const context = promptOf(fields, options, columns.prompt);
  const responses = columns.responses.map((name, i) => ({
    item: itemOf(context, textOf(fields, name)),
    ...namedBy(fields, columns, i),
  }));
  return judged(responses, gradesOf(fields, columns), options, namesOf(fields));
}

/** By its model, where the row has one, else by its column. */
function namedBy(fields: Fields, { endings, responses }: Columns, i: number): Pick<CaseResponse, "label" | "model"> {
  const model = fields[`model_${endings[i]}`];
  return typeof model === "string" && model !== "" ? writtenBy(model) : { label: responses[i] as string };
}

function byName(fields: Fields, columns: Columns): Grades {
  const { label, responses, endings } = columns;
  const value = fields[label];
  if (value === undefined || value === "") return { omitted: "not judged" };
  const better = named(value, columns);
  if (better === undefined)
    throw wrong(`one of ${endings.map((one) => JSON.stringify(one)).join(", ")} or "tie"`, label, value);
  return better === "tie" ? { omitted: "tie" } : responses.map((_, i) => (i === better ? 1 : 0));
}

/** Labels that do not say which response they mean. */
function problem(facts: Facts): string | undefined {
  const columns = columnsOf(facts.names);
  if (columns === undefined) return undefined;
  const { label, responses } = columns;
  const values = facts.values.get(label) ?? [];
  const unnamed = values.filter((value) => named(value, columns) === undefined);
  const numbers = values.flatMap((value) => (typeof value === "boolean" ? Number(value) : (asNumber(value) ?? [])));
  // A few wrong rows among many are problems of these rows.
  if (2 * unnamed.length > values.length && 2 * numbers.length < values.length)
    return `${JSON.stringify(label)} has ${JSON.stringify(unnamed[0])}, which names none of ${responses.join(", ")}.`;
  if (2 * numbers.length < values.length) return undefined;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  // Sorted by their labels, 0 and 1 begin like 1 and 2.
  const isCode = CODES.includes(label) && columns.endings.join() === "1,2";
  if (unnamed.length === 0 && isCode && low === 1 && high === 1)
    return (
      `${JSON.stringify(label)} has the number 1 only, which does not say which response is better: ` +
      `--adapter ${name(1, 2)} if 1 means ${responses[0]}, --adapter ${name(0, 1)} if 1 means ${responses[1]}.`
    );
  if (unnamed.length === 0) return undefined;
  const [from, to] = low === high ? [0, 1] : [low, high];
  if (responses.length !== 2) return `${JSON.stringify(label)} does not name one of ${responses.join(", ")}.`;
  if (new Set(numbers).size === 3 && high - low === 2 && numbers.includes(low + 1)) return threeNumbers(columns, low);
  return (
    `${JSON.stringify(label)} has numbers from ${low} to ${high}, which do not say which response is better: ` +
    `--adapter ${name(from, to)} if ${from} means ${responses[0]}, --adapter ${name(to, from)} if ${to} means ${responses[0]} ` +
    "(write the ends of the whole scale)."
  );
}

/** Codes and a scale of three look alike, and a code for a tie at its end would be read as a victory. */
function threeNumbers({ label, responses }: Columns, low: number): string {
  const [middle, high] = [low + 1, low + 2];
  const [first, second] = responses;
  return (
    `${JSON.stringify(label)} has numbers from ${low} to ${high}, which do not say which response is better, nor which means a tie: ` +
    `--adapter ${coded(low, middle, high)} if ${low} means ${first}, ${middle} ${second} and ${high} a tie; ` +
    `--adapter ${coded(middle, high, low)} if ${low} means a tie; ` +
    `--adapter ${name(low, high)} if ${low} means ${first}, ${middle} a tie and ${high} ${second}.`
  );
}

export const twoResponseColumns: Layout = {
  name: "two-responses",
  title: "responses in columns and a label",
  columns: {},
  without: ["rejected"],
  over: ["pairs"],
  recognises: (facts) => columnsOf(facts.names) !== undefined,
  problem,
  compared: "the response that the label names over the others",
  adapt: (row, options = {}) => adaptLabelled(row, options, byName),
};

const NUMBER = String.raw`-?\d+(?:\.\d+)?`;
const SCALED = new RegExp(`^two-responses:(${NUMBER})\\.\\.(${NUMBER})$`);

function name(first: number, second: number): string {
  return `two-responses:${first}..${second}`;
}

function coded(first: number, second: number, tie: number): string {
  return `two-responses:${first},${second},${tie}`;
}

const CODED = new RegExp(`^two-responses:(${NUMBER}),(${NUMBER}),(${NUMBER})$`);

/** The layout "two-responses:FIRST..SECOND" or "two-responses:FIRST,SECOND,TIE"; undefined for another name. */
export function numberedLayout(adapter: string): Layout | undefined {
  return scaledLayout(adapter) ?? codedLayout(adapter);
}

function scaledLayout(adapter: string): Layout | undefined {
  const [, first, second] = SCALED.exec(adapter) ?? [];
  const [from, to] = [Number(first), Number(second)];
  if (first === undefined || second === undefined || from === to) return undefined;
  return byNumber({
    name: name(from, to),
    title: `two responses and a label from ${from} (the first) to ${to} (the second)`,
    compared: `the response whose end of the scale the label is nearer to; ${(from + to) / 2} is a tie`,
    verdictOf: (label) => onScale(label, from, to),
  });
}

function codedLayout(adapter: string): Layout | undefined {
  const found = CODED.exec(adapter);
  if (found === null) return undefined;
  const [first, second, tie] = found.slice(1).map(Number) as [number, number, number];
  if (new Set([first, second, tie]).size < 3) return undefined;
  return byNumber({
    name: coded(first, second, tie),
    title: `two responses and a label: ${first} for the first, ${second} for the second, ${tie} for a tie`,
    compared: "the response that the label means over the other",
    verdictOf: (label) => byCode(label, first, second, tie),
  });
}

interface Numbered extends Pick<Layout, "name" | "title" | "compared"> {
  readonly verdictOf: (label: string) => Verdict;
}

function byNumber({ verdictOf, ...description }: Numbered): Layout {
  return {
    ...description,
    columns: {},
    isByNameOnly: true,
    adapt: (row, options = {}) =>
      adaptLabelled(row, options, (fields, { label, responses }) => {
        if (responses.length !== 2) throw wrong("two responses", label, responses);
        return verdictOf(label)(fields);
      }),
  };
}

function byCode(label: string, first: number, second: number, tie: number): Verdict {
  return (fields) => {
    const value = fields[label];
    if (value === undefined || value === "" || Number.isNaN(value)) return { omitted: "not judged" };
    const number = asNumber(value);
    if (number === tie) return { omitted: "tie" };
    if (number === first) return [1, 0];
    if (number === second) return [0, 1];
    throw wrong(`${first}, ${second} or ${tie}`, label, value);
  };
}

/**
 * A prompt, responses in columns of their own (response_a and response_b, answer_1 and answer_2, …) and a label. Labels that
 * name a response are read as they are: "a", "B", "model_a", "response_1", "A>B", "tie"; and numbers where the columns have
 * these numbers. What other numbers mean differs between data sets (1 is the first response in SHP, the second in most), so
 * they are read only by a name with their scale: two-responses:0..1 is 0 where the first response is better and 1 where the
 * second is, two-responses:1..0 the reverse; likewise -1..1, 1..2, 1..7, and probabilities. Of three numbers, any may be a code
 * for a tie, which is in the middle of no scale: two-responses:0,1,2 is 2 for a tie (GAIR-NLP/auto-j, testdata_pairwise.jsonl),
 * two-responses:1,2,0 is 0 for one (WeOpenML/PandaLM, testset-v1.json).
 */
import { describe } from "../../../errors.ts";
import { type Fields, plainName } from "../../../prompt/input-fields.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  fieldsOf,
  namesOf,
  promptOf,
  rowFields,
  textOf,
  writtenBy,
  wrong,
  wrongShape,
} from "../adapter.ts";
import { answerItem } from "../answers.ts";
import {
  asFlag,
  asNumber,
  isUnjudged,
  type LabelColumn,
  type LabelValues,
  letterVerdict,
  wordsProblem,
} from "../labels.ts";
import type { RowLayout } from "../layout.ts";
import { judged } from "./described.ts";
import { byNumbers, type Grades, meaningOf, numbersAdvice, withNumbers } from "./verdicts.ts";

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
  if (asFlag(value) !== undefined) return undefined;
  const verdict = letterVerdict(value);
  if (verdict !== undefined && endings.length === 2) {
    const [first, second] = verdict.letters.map((one) => endings.indexOf(one.toLowerCase())) as [number, number];
    if (first < 0 || second < 0 || first === second) return undefined;
    return verdict.better === "tie" ? "tie" : [first, second][verdict.better];
  }
  const plain = plainName(String(value));
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
    item: answerItem(context, textOf(fields, name), name),
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
  const better = named(value, columns);
  if (better === undefined && isUnjudged(value)) return { omitted: "not judged" };
  if (better === undefined)
    throw wrong(`one of ${endings.map((one) => JSON.stringify(one)).join(", ")} or "tie"`, label, value);
  return better === "tie" ? { omitted: "tie" } : responses.map((_, i) => (i === better ? 1 : 0));
}

function labelOf(names: readonly string[]): LabelColumn | undefined {
  const columns = columnsOf(names);
  if (columns === undefined) return undefined;
  return {
    name: columns.label,
    isKnown: (value) => named(value, columns) !== undefined,
    problem: (values, isFound) => problem(columns, values, isFound),
  };
}

/** Labels that do not say which response they mean. */
function problem(columns: Columns, values: LabelValues, isFound: boolean): string | undefined {
  const { label, responses, endings } = columns;
  const { low, high } = values;
  // Sorted by their labels, 0 and 1 begin like 1 and 2.
  const isCode = CODES.includes(label) && endings.join() === "1,2";
  if (isFound && isCode && values.wrongNumbers === 0 && low === 1 && high === 1)
    return (
      `${JSON.stringify(label)} has the number 1 only, which does not say which response is better: ` +
      `--adapter two-responses:1..2 if 1 means ${responses[0]}, --adapter two-responses:0..1 if 1 means ${responses[1]}.`
    );
  const { firstNumber } = values;
  if (firstNumber === undefined) return wordsProblem(label, values, `one that names ${responses.join(", ")}, or "tie"`);
  if (responses.length !== 2)
    return `${JSON.stringify(label)} has ${describe(firstNumber.value)} at ${firstNumber.where}, which does not name one of ${responses.join(", ")}.`;
  const found =
    asFlag(firstNumber.value) === undefined ? `numbers from ${low} to ${high}` : "true and false, as 1 and 0";
  return (
    `${JSON.stringify(label)} has ${found}, which do not say which response is better: ` +
    numbersAdvice("two-responses", values, responses)
  );
}

export const twoResponseColumns: RowLayout = {
  name: "two-responses",
  title: "responses in columns and a label",
  columns: {},
  without: ["rejected"],
  over: ["pairs"],
  recognises: (facts) => columnsOf(facts.names) !== undefined,
  label: labelOf,
  compared: "the response that the label names over the others",
  adapt: (row, options = {}) => adaptLabelled(row, options, byName),
  byNumbers: (numbers) => ({
    ...withNumbers(twoResponseColumns, numbers),
    title: `two responses and a label ${meaningOf(numbers)}`,
    compared:
      numbers.tie === undefined
        ? `the response whose end of the scale the label is nearer to; ${(numbers.first + numbers.second) / 2} is a tie`
        : "the response that the label means over the other",
    label: (names) => {
      const columns = columnsOf(names);
      return columns && byNumbers(columns.label, numbers).label;
    },
    adapt: (row, options = {}) =>
      adaptLabelled(row, options, (fields, { label, responses }) => {
        if (responses.length !== 2) throw wrong("two responses", label, responses);
        return byNumbers(label, numbers).of(fields);
      }),
  }),
};

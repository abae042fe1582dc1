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
import type { Fields } from "../../../prompt/input-fields.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  fieldsOf,
  namesOf,
  promptOf,
  rowFields,
  writtenBy,
  wrong,
  wrongShape,
} from "../adapter.ts";
import { answerItem, answerText } from "../answers.ts";
import {
  areFew,
  areThree,
  type LabelColumn,
  type LabelValues,
  numbersIn,
  othersOf,
  type SeenLabel,
  type SeenLabels,
  unknownProblem,
} from "../label-values.ts";
import { asFlag, asNumber, isTie, isUnjudged, letterVerdict, plainLabel } from "../labels.ts";
import type { RowLayout } from "../layout.ts";
import { judged } from "./described.ts";
import { meaningOf, numbersAdvice, withNumbers } from "./label-numbers.ts";
import { columnsProblem, isCode, type LabelledColumns, labelledColumns } from "./labelled-columns.ts";
import { byNumbers, type Grades, mistakeAdvice } from "./verdicts.ts";

/** The index of the response that a label names; "tie"; undefined: it names none. */
function named(value: unknown, { endings, responses }: LabelledColumns): number | "tie" | undefined {
  if (typeof value === "object" || asFlag(value) !== undefined) return undefined;
  const verdict = letterVerdict(value);
  if (verdict !== undefined && endings.length === 2) {
    const [first, second] = verdict.letters.map((one) => endings.indexOf(one.toLowerCase())) as [number, number];
    if (first < 0 || second < 0 || first === second) return undefined;
    return verdict.better === "tie" ? "tie" : [first, second][verdict.better];
  }
  const number = asNumber(value);
  const plain = plainLabel(String(value));
  const index = endings.findIndex((ending, i) => {
    // plainLabel() drops points.
    if (number !== undefined) return number === asNumber(ending);
    const column = plainLabel(responses[i] as string);
    return [ending, `response${ending}`, `model${ending}`, `assistant${ending}`, column].includes(plain);
  });
  if (index >= 0) return index;
  // The third letter is a tie where there is no third response.
  return isTie(value) || (plain === "c" && endings[0] === "a") ? "tie" : undefined;
}

const SHAPE = '{"prompt","response_a","response_b","label"}';

function adaptLabelled(
  row: unknown,
  options: AdaptOptions,
  gradesOf: (fields: Fields, columns: LabelledColumns) => Grades,
): Adapted {
  const columns = labelledColumns(Object.keys(fieldsOf(row)));
  if (columns === undefined) throw wrongShape(SHAPE, fieldsOf(row));
  const fields = rowFields(row, options, SHAPE, [columns.prompt, ...columns.responses, "system"]);
  const context = promptOf(fields, options, columns.prompt);
  const responses = columns.responses.map((name, i) => ({
    item: answerItem(context, answerText(fields, name), name),
    ...namedBy(fields, columns, i),
  }));
  return judged(responses, gradesOf(fields, columns), options, namesOf(fields));
}

/** By its model, where the row has one, else by its column. */
function namedBy(
  fields: Fields,
  { endings, responses }: LabelledColumns,
  i: number,
): Pick<CaseResponse, "label" | "model"> {
  const model = fields[`model_${endings[i]}`];
  return typeof model === "string" && model !== "" ? writtenBy(model) : { label: responses[i] as string };
}

function byName(fields: Fields, columns: LabelledColumns): Grades {
  const { label, responses } = columns;
  const value = fields[label];
  const better = named(value, columns);
  if (better === undefined && isUnjudged(value)) return { omitted: "not judged" };
  if (better === undefined) throw wrong(expectedOf(columns), label, value);
  return better === "tie" ? { omitted: "tie" } : responses.map((_, i) => (i === better ? 1 : 0));
}

function labelOf(names: readonly string[]): LabelColumn | undefined {
  const columns = labelledColumns(names);
  if (columns === undefined) return undefined;
  return {
    name: columns.label,
    isKnown: (value) => named(value, columns) !== undefined,
    problem: (values, isFound) => problem(columns, values, isFound),
  };
}

/** More need not be listed. */
const MAX_SHOWN = 4;

/** What names a response, to follow "expected". */
function expectedOf({ responses, endings }: LabelledColumns): string {
  const list = endings.map((one, i) => `${JSON.stringify(one)} (${responses[i]})`);
  const shown = list.length > MAX_SHOWN ? [list[0], list[1], "…", list.at(-1)] : list;
  return `${shown.join(", ")} or "tie"`;
}

/** Labels that do not say which response they mean. */
function problem(columns: LabelledColumns, values: LabelValues, isFound: boolean): string | undefined {
  const { label, responses } = columns;
  const { all, wrongNumbers, wrongWords } = values;
  // Sorted by their labels, 0 and 1 begin like 1 and 2.
  if (isFound && isCode(columns) && wrongNumbers.count === 0 && all.low === 1 && all.high === 1)
    return (
      `${JSON.stringify(label)} has the number 1 only, which does not say which response is better: ` +
      `--adapter two-responses:1..2 if 1 means ${responses[0]}, or --adapter two-responses:0..1 if 1 means ${responses[1]}.`
    );
  if (wrongNumbers.first !== undefined) return numbersProblem(columns, values, wrongNumbers.first);
  const [one, other] = responses;
  return unknownProblem(label, values, wrongWords, expectedOf(columns), (asNumber) =>
    responses.length === 2
      ? `Rewrite the labels like that, or as numbers${asNumber} for --adapter two-responses:0..1 (0 is ${one}, 1 is ${other}).`
      : "Rewrite the labels like that.",
  );
}

/** @param first the first number that names no response */
function numbersProblem(columns: LabelledColumns, values: LabelValues, first: SeenLabel): string {
  const { label, responses } = columns;
  const { all, known, wrongNumbers } = values;
  const shown = JSON.stringify(label);
  const stray = `${shown} has ${describe(first.value)} at ${first.where}`;
  const favoured = new Set([...known.distinct].map((value) => named(value, columns)));
  favoured.delete("tie");
  const isBetween = all.low >= known.low && all.high <= known.high;
  if (favoured.size > 1 && areFew(wrongNumbers, values) && !isBetween && !areThree(all))
    return `${stray}, but ${othersOf(values)}. ${mistakeAdvice(wrongNumbers.count)}`;
  if (responses.length !== 2) return `${stray}; expected ${expectedOf(columns)}. ${countAdvice(columns, values)}`;
  const isInWords = favoured.size > 0 && known.numbers.size === 0;
  if (isInWords) return `${stray}, but ${othersOf(values)}. Rewrite all labels as ${expectedOf(columns)}.`;
  const isFlag = asFlag(first.value) !== undefined && all.numbers.size <= 2;
  const written = isFlag ? (number: number) => String(number === 1) : String;
  const found = isFlag ? [...all.numbers].map(written).join(" and ") : numbersIn(all);
  const what =
    known.numbers.size === 0
      ? `${shown} has ${found}, which ${all.numbers.size > 1 ? "do" : "does"} not say which response is better`
      : `${stray}, which names neither response, among ${numbersIn(all)}`;
  return `${what}: ${numbersAdvice("two-responses", all, responses, written)}`;
}

/** Of more than two responses, whose numbers may be counted from another one than the labels. */
function countAdvice({ responses, endings }: LabelledColumns, { all }: LabelValues): string {
  const [start, end] = [Number(endings[0]), Number(endings.at(-1))];
  const others = 'write "tie" where none is better.';
  if (all.low === start - 1 && all.high < end)
    return `If ${all.low} means ${responses[0]}, add 1 to every label; if it means a tie, ${others}`;
  if (all.high === end + 1 && all.low >= start + 1)
    return `If ${all.high} means ${responses.at(-1)}, subtract 1 from every label; if it means a tie, ${others}`;
  return `Rewrite the labels like that, and ${others}`;
}

/** Numbers on a scale say nothing of a third response. */
function ofTwoOnly(columns: LabelledColumns): LabelColumn {
  const { label, responses } = columns;
  const problem =
    `it has ${responses.length} responses, and numbers on a scale compare two. --adapter two-responses without numbers expects ` +
    `${expectedOf(columns)} in ${JSON.stringify(label)}.`;
  return { name: label, isKnown: () => true, problem: () => problem };
}

export const twoResponseColumns: RowLayout = {
  name: "two-responses",
  title: "responses in columns and a label",
  columns: {},
  without: ["rejected"],
  over: ["pairs"],
  recognises: (facts) => labelledColumns(facts.names) !== undefined,
  problem: (facts) => columnsProblem(facts.names),
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
      const columns = labelledColumns(names);
      if (columns === undefined) return undefined;
      const { label, responses } = columns;
      if (responses.length !== 2) return ofTwoOnly(columns);
      const advice = (labels: SeenLabels) => numbersAdvice("two-responses", labels, responses);
      return byNumbers(label, numbers).label({ layout: "two-responses", of: advice });
    },
    adapt: (row, options = {}) =>
      adaptLabelled(row, options, (fields, { label, responses }) => {
        if (responses.length !== 2) throw wrong("two responses", label, responses);
        return byNumbers(label, numbers).of(fields);
      }),
  }),
};

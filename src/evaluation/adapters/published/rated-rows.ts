/**
 * One response a row, with its score or rank; rows with the same prompt, wherever they are, are one case. A score may be true or
 * false, as the label of TRL's unpaired preferences (docs/source/dataset_formats.md), and a response a list of one message.
 */
import { describeField, quotedNames } from "../../../prompt/texts.ts";
import type { CaseResponse } from "../../case.ts";
import { type AdaptOptions, fieldsOf, namesOf, promptOf, rowFields, writtenBy, wrong } from "../adapter.ts";
import { answerItem, answerText } from "../answers.ts";
import { asFlag, asNumber } from "../labels.ts";
import type { Facts, Layout } from "../layout.ts";
import { PROMPTS, RANKS, SCORES, theOne } from "./rated-names.ts";
import { type RatedRow, ResponseTable } from "./response-table.ts";
import { gradeOf } from "./verdicts.ts";

export const RESPONSES: readonly string[] = ["response", "completion", "answer", "output", "generation"];
const GRADES = [...SCORES, ...RANKS];
const SHAPE = '{"prompt","response","score"}';

/** Names of prompt, response and grade. */
type Columns = readonly [string, string, string];

/** The rows' names of prompt, response and grade; undefined unless there is one of each. */
function columnsOf(names: readonly string[]): Columns | undefined {
  const isThere = (name: string) => names.includes(name);
  const [prompt, response, grade] = [theOne(PROMPTS, isThere), theOne(RESPONSES, isThere), theOne(GRADES, isThere)];
  if (prompt === undefined || response === undefined || grade === undefined) return undefined;
  return [prompt, response, grade];
}

/** Reads rows of the same columns as the first: a rank is no score. */
function rowReader(): (row: unknown, options: AdaptOptions) => RatedRow {
  let first: Columns | undefined;
  return (row, options) => {
    const columns = columnsOf(Object.keys(fieldsOf(row)));
    if (columns === undefined) throw wrong(SHAPE, "the row", row);
    first ??= columns;
    if (columns.join() !== first.join()) throw wrong(`${quotedNames(first)}, as the rows before have,`, "the row", row);
    return readRow(columns, row, options);
  };
}

function readRow([prompt, response, grade]: Columns, row: unknown, options: AdaptOptions): RatedRow {
  const fields = rowFields(row, options, SHAPE, [prompt, response, "system"]);
  const context = promptOf(fields, options, prompt);
  const isRank = RANKS.includes(grade);
  const flag = isRank ? undefined : asFlag(fields[grade]);
  const judged: CaseResponse = {
    item: answerItem(context, answerText(fields, response), response),
    grade: flag === undefined ? gradeOf(fields[grade], grade, isRank) : Number(flag),
    ...writtenBy(fields["model"]),
  };
  return { key: JSON.stringify(context), judged, names: namesOf(fields) };
}

function isGrade(name: string, is: Facts["is"]): boolean {
  return is(name, "number") || (is(name, "flag") && !RANKS.includes(name));
}

export const ratedRows: Layout = {
  name: "rated-rows",
  title: "a response a row, with its score or rank",
  columns: {},
  without: ["chosen", "rejected"],
  recognises: ({ names, is }: Facts) => {
    const columns = columnsOf(names);
    if (columns === undefined) return false;
    const [prompt, response, grade] = columns;
    const areTexts = [prompt, response].every((name) => is(name, "text") || is(name, "messages"));
    return areTexts && isGrade(grade, is);
  },
  problem: ({ names, values, is }: Facts) => {
    const [, , grade] = columnsOf(names) ?? [];
    if (grade === undefined || isGrade(grade, is)) return undefined;
    const other = values.get(grade)?.find((value) => asNumber(value) === undefined);
    return other === undefined
      ? undefined
      : `${JSON.stringify(grade)} has ${describeField(other)}, which is not a number.`;
  },
  compared: "among the rows with the same prompt, higher scores (lower ranks) over others",
  gather: () => new ResponseTable(rowReader()),
};

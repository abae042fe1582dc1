/** Layouts that need no code of their own: the names of their fields describe them. */
import { isIgnored } from "../../../prompt/input-fields.ts";
import type { ChatMessage } from "../../../prompt/messages.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  allGiven,
  type Fields,
  fieldsOf,
  listOf,
  namesOf,
  promptOf,
  refuseTooMany,
  rowFields,
  textOf,
  writtenBy,
  wrong,
  wrongShape,
} from "../adapter.ts";
import { answerItem } from "../answers.ts";
import { compared } from "../compared.ts";
import type { Description, RowLayout } from "../layout.ts";
import { adaptPairs } from "../pairs.ts";
import { refuseUnreadPrompt } from "../unread-prompt.ts";
import { numbersAdvice, withNumbers } from "./label-numbers.ts";
import { byNumbers, type Grades, gradeOf, type Verdict } from "./verdicts.ts";

/** A prompt, or the conversation before the answer. */
export type Context = string | readonly ChatMessage[];

/** Chosen and rejected under other names than ours. */
export interface ChosenRejected {
  /** The data set's names, by ours; the rest of the row keeps its names. */
  readonly fields: Readonly<Record<string, string>>;
  /** Fields with names of inputs that are none: not read. */
  readonly unread?: readonly string[];
}

/** Rows are read as {"prompt", "chosen", "rejected"}. */
export function chosenRejected(description: Description, { fields, unread = [] }: ChosenRejected): RowLayout {
  const used = [...Object.values(fields), ...unread];
  const adapt = (row: unknown, options: AdaptOptions = {}): Adapted => {
    const given = allGiven(row, options);
    if ("prompt" in fields) refuseUnreadPrompt(given, used);
    const rest = Object.entries(given).filter(([name]) => !used.includes(name));
    const read = Object.entries(fields).flatMap(([ours, name]) => (name in given ? [[ours, given[name]]] : []));
    return adaptPairs(Object.fromEntries([...rest, ...read]), keeping(Object.keys(fields), options));
  };
  return { ...description, adapt };
}

/** Options for a row that an adapter has written itself, its own ignored fields left out: these names are ours now. */
export function keeping(names: readonly string[], options: AdaptOptions): AdaptOptions {
  const { ignoreFields = [] } = options;
  return {
    ...options,
    ignoreFields: ignoreFields.filter((ignored) => !names.some((name) => isIgnored(name, { ignoreFields: [ignored] }))),
  };
}

export interface TwoResponses {
  /** The field of the prompt, or what makes it of the row. */
  readonly prompt: string | ((fields: Fields, options: AdaptOptions) => Context);
  /** The fields of the responses. */
  readonly responses: readonly [string, string];
  readonly verdict: Verdict;
  /** Fields with the responses' labels, for example models. */
  readonly labels?: readonly [string, string];
  /** Other fields with names of inputs. */
  readonly read?: readonly string[];
  /** The field of the row's id; default: "id". */
  readonly id?: string;
}

/** A prompt, two responses, and which of them is better. */
export function twoResponses(description: Description, of: TwoResponses): RowLayout {
  const { prompt, responses, labels, verdict, id = "id" } = of;
  const read = [...(typeof prompt === "string" ? [prompt, "system"] : []), ...responses, ...(of.read ?? [])];
  const adapt = (row: unknown, options: AdaptOptions = {}): Adapted => {
    const fields = rowFields(row, options, shapeOf(description), read);
    refuseMissingColumns(description, fields, row);
    const context = typeof prompt === "string" ? promptOf(fields, options, prompt) : prompt(fields, options);
    // Read before the verdict: a file with another schema must not pass as one full of ties.
    const items = responses.map((name) => answerItem(context, textOf(fields, name), name));
    const named = items.map((item, i) => ({ item, ...namedBy(labels?.[i], fields) }));
    return judged(named, verdict.of(fields), options, namesOf({ ...fields, id: fields[id] }));
  };
  const { label, scale } = verdict;
  if (label === undefined) return { ...description, adapt };
  const { name } = description;
  const column = label({ layout: name, of: (labels) => numbersAdvice(name, labels, responses) });
  if (scale === undefined) return { ...description, label: () => column, adapt };
  return {
    ...description,
    label: () => column,
    byNumbers: (numbers) =>
      twoResponses(withNumbers(description, numbers), { ...of, verdict: byNumbers(scale, numbers) }),
    adapt,
  };
}

/** Responses by a verdict. Where there is none, the row is skipped, unless responses without an order are wanted. */
export function judged(
  responses: readonly Omit<CaseResponse, "grade">[],
  verdict: Grades,
  options: AdaptOptions,
  names: ReturnType<typeof namesOf>,
): Adapted {
  if ("omitted" in verdict && !options.unordered) return verdict;
  const grades = "omitted" in verdict ? [] : verdict;
  const graded = responses.map((response, i): CaseResponse => ({ ...response, grade: grades[i] }));
  return compared(graded, options, names, "tie");
}

export function shapeOf({ columns }: Pick<Description, "columns">): string {
  return `{${Object.keys(columns)
    .map((name) => JSON.stringify(name))
    .join(",")}}`;
}

/** A row of another schema than the file's first ones. */
export function refuseMissingColumns({ columns }: Pick<Description, "columns">, fields: Fields, row: unknown): void {
  const own = fieldsOf(row);
  if (Object.keys(columns).some((name) => !(name in fields) && !(name in own)))
    throw wrongShape(shapeOf({ columns }), own);
}

export interface ManyResponses {
  /** The field of the prompt. */
  readonly prompt: string;
  /** The field of the list of responses. */
  readonly list: string;
  /** In each response, the fields of its text, its grade and its label; without `text`, the list has the texts. */
  readonly text?: string;
  readonly grade?: string;
  readonly label?: string;
  /** The field of the list of grades, where they are not in the responses. */
  readonly grades?: string;
  /** A lower grade is better, as of ranks. */
  readonly isRank?: boolean;
  /** Other fields with names of inputs. */
  readonly read?: readonly string[];
}

/** A prompt and several graded responses; a grade of null is unknown. */
export function manyResponses(description: Description, of: ManyResponses): RowLayout {
  const { prompt, list, text, grade, label, grades, isRank = false } = of;
  const adapt = (row: unknown, options: AdaptOptions = {}): Adapted => {
    const fields = rowFields(row, options, shapeOf(description), [prompt, list, "system", ...(of.read ?? [])]);
    refuseMissingColumns(description, fields, row);
    const context = promptOf(fields, options, prompt);
    const all = listOf(fields, list);
    if (all.length < 2) return { omitted: "fewer than two responses" };
    refuseTooMany(all, list);
    const order = grades === undefined ? undefined : gradesIn(fields, grades, all.length);
    if (order !== undefined && order.length !== all.length)
      throw wrong(`as many as there are in ${list} (${all.length})`, grades as string, order);
    const responses = all.map((one, i): CaseResponse => {
      const where = `${list}[${i}]`;
      const own = text === undefined ? { [where]: one } : fieldsOf(one, where);
      const name = text === undefined ? where : `${where}.${text}`;
      const [value, at] =
        order === undefined ? [own[grade as string], `${where}.${grade}`] : [order[i], `${grades}[${i}]`];
      return {
        item: answerItem(context, textOf(own, text ?? where, name), name),
        grade: gradeOf(value, at, isRank),
        ...namedBy(label, own),
      };
    });
    return compared(responses, options, namesOf(fields));
  };
  return { ...description, adapt };
}

/** The label of a response from a field; models are in fields that say so. */
function namedBy(field: string | undefined, fields: Fields): Pick<CaseResponse, "label" | "model"> {
  const label = field === undefined ? undefined : fields[field];
  if (field === undefined || typeof label !== "string") return {};
  return /model|policy|generator/i.test(field) ? writtenBy(label) : { label };
}

/** A list of grades. Absent, where refuseMissingColumns() knows that it is null: all are unknown. */
function gradesIn(fields: Fields, name: string, count: number): readonly unknown[] {
  return fields[name] === undefined ? Array<null>(count).fill(null) : listOf(fields, name);
}

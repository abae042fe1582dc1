/** Layouts that need no code of their own: the names of their fields describe them. */
import { isIgnored } from "../../../prompt/input-fields.ts";
import { givenFields } from "../../../prompt/items.ts";
import type { ChatMessage } from "../../../prompt/messages.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  type Fields,
  fieldsOf,
  itemOf,
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
import { compared } from "../compared.ts";
import { asNumber, type Description, type RowLayout } from "../layout.ts";
import { adaptPairs } from "../pairs.ts";
import { refuseUnreadPrompt } from "../unread-prompt.ts";

/** A prompt, or the conversation before the answer. */
export type Context = string | readonly ChatMessage[];

/** The grades of responses, in their order, or why they have none. */
export type Grades<List extends readonly number[] = readonly number[]> = List | { readonly omitted: string };

/** What a row says of two responses. */
export type Verdict = (fields: Fields) => Grades<readonly [number, number]>;

/** Chosen and rejected under other names than ours. */
export interface ChosenRejected {
  /** The data set's names, by ours; the rest of the row keeps its names. */
  readonly fields: Readonly<Record<string, string>>;
  /** Fields with names of inputs that are none: not read. */
  readonly unread?: readonly string[];
  /** A reason to skip a row. */
  readonly omit?: (row: Fields) => string | undefined;
}

/** Rows are read as {"prompt", "chosen", "rejected"}. */
export function chosenRejected(description: Description, { fields, unread = [], omit }: ChosenRejected): RowLayout {
  const used = [...Object.values(fields), ...unread];
  const adapt = (row: unknown, options: AdaptOptions = {}): Adapted => {
    const own = fieldsOf(row);
    const reason = omit?.(own);
    if (reason !== undefined && !options.unordered) return { omitted: reason };
    const given = givenFields(own, Object.keys(own), options);
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
    const items = responses.map((name) => itemOf(context, textOf(fields, name)));
    const named = items.map((item, i) => ({ item, ...namedBy(labels?.[i], fields) }));
    return judged(named, verdict(fields), options, namesOf({ ...fields, id: fields[id] }));
  };
  return { ...description, adapt };
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

/**
 * A number between two ends: the nearer it is to one, the better that response is; in the middle, a tie.
 *
 * @param first the number that favours the first response most
 * @param second the number that favours the second response most
 * @param ties other numbers that mean a tie
 */
export function onScale(field: string, first: number, second: number, ties: readonly number[] = []): Verdict {
  return (fields) => {
    const value = fields[field];
    if (value === undefined || (typeof value === "number" && Number.isNaN(value))) return { omitted: "not judged" };
    const number = typeof value === "boolean" ? Number(value) : asNumber(value);
    const [low, high] = first < second ? [first, second] : [second, first];
    if (number !== undefined && ties.includes(number)) return { omitted: "tie" };
    if (number === undefined || number < low || number > high)
      throw wrong(`a number from ${low} to ${high}`, field, value);
    const middle = (first + second) / 2;
    if (number === middle) return { omitted: "tie" };
    return number < middle === first < second ? [1, 0] : [0, 1];
  };
}

/** Words that name the better response, or a tie, which is the reason to skip the row. */
export function inWords(
  field: string,
  first: readonly string[],
  second: readonly string[],
  ties: readonly string[],
): Verdict {
  return (fields) => {
    const value = textOf(fields, field).trim();
    if (ties.includes(value)) return { omitted: value };
    if (first.includes(value)) return [1, 0];
    if (second.includes(value)) return [0, 1];
    const words = [...first, ...second, ...ties].map((word) => JSON.stringify(word)).join(", ");
    throw wrong(`one of ${words}`, field, value);
  };
}

/** A score for each response, higher is better. */
export function byScores(first: string, second: string): Verdict {
  return (fields) => {
    const scores = [first, second].map((name) => {
      const number = asNumber(fields[name]);
      if (number === undefined) throw wrong("a number", name, fields[name]);
      return number;
    });
    const [one, other] = scores as [number, number];
    return one === other ? { omitted: "tie" } : [one, other];
  };
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
    const order = grades === undefined ? undefined : listOf(fields, grades);
    if (order !== undefined && order.length !== all.length)
      throw wrong(`as many as there are in ${list} (${all.length})`, grades as string, order);
    const responses = all.map((one, i): CaseResponse => {
      const where = `${list}[${i}]`;
      const own = text === undefined ? { [where]: one } : fieldsOf(one, where);
      const [value, at] =
        order === undefined ? [own[grade as string], `${where}.${grade}`] : [order[i], `${grades}[${i}]`];
      return {
        item: itemOf(context, text === undefined ? textOf(own, where) : textOf(own, text, `${where}.${text}`)),
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

/** Null, NaN and "N/A" are unknown. */
export function gradeOf(value: unknown, where: string, isRank: boolean): number | undefined {
  if (value === null || value === undefined || (typeof value === "number" && Number.isNaN(value))) return undefined;
  if (typeof value === "string" && /^(?:n\/a|nan|none|null)?$/i.test(value.trim())) return undefined;
  const number = asNumber(value);
  if (number === undefined) throw wrong("a number", where, value);
  return isRank ? 0 - number : number;
}

/** Layouts that need no code of their own: the names of their fields describe them. */
import { describe } from "../../../errors.ts";
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
import {
  areThree,
  asNumber,
  isUnjudged,
  type LabelColumn,
  type LabelNumbers,
  type LabelValues,
  labelNumber,
  wordsProblem,
} from "../labels.ts";
import type { Description, RowLayout } from "../layout.ts";
import { adaptPairs } from "../pairs.ts";
import { refuseUnreadPrompt } from "../unread-prompt.ts";

/** A prompt, or the conversation before the answer. */
export type Context = string | readonly ChatMessage[];

/** The grades of responses, in their order, or why they have none. */
export type Grades<List extends readonly number[] = readonly number[]> = List | { readonly omitted: string };

/** Which of two responses is better. */
export interface Verdict {
  /** What a row says. */
  readonly of: (fields: Fields) => Grades<readonly [number, number]>;
  /** The column that says it, where its values mean something only together. */
  readonly label?: LabelColumn;
  /** Its labels are numbers on a scale, of which there are others. */
  readonly isScale?: true;
}

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
    const own = fieldsOf(row);
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
    return judged(named, verdict.of(fields), options, namesOf({ ...fields, id: fields[id] }));
  };
  const { label, isScale } = verdict;
  if (label === undefined) return { ...description, adapt };
  if (isScale === undefined) return { ...description, label: () => label, adapt };
  return {
    ...description,
    label: () => ({
      ...label,
      problem: (values, isFound) => {
        const problem = label.problem(values, isFound);
        return problem && `${problem} ${numbersAdvice(description.name, values, responses)}`;
      },
    }),
    byNumbers: (numbers) =>
      twoResponses(withNumbers(description, numbers), { ...of, verdict: byNumbers(label.name, numbers) }),
    adapt,
  };
}

/** A layout by the name of another one and its numbers. */
export function withNumbers<Of extends Description>({ name, title, ...others }: Of, numbers: LabelNumbers) {
  return {
    ...others,
    name: numbersName(name, numbers),
    title: `${title}, with labels ${meaningOf(numbers)}`,
    isByNameOnly: true,
  } as const;
}

/** What numbers mean, after "labels" or "a label". */
export function meaningOf({ first, second, tie }: LabelNumbers): string {
  if (tie === undefined) return `from ${first} (the first) to ${second} (the second)`;
  return `${first} (the first), ${second} (the second) and ${tie} (a tie)`;
}

function numbersName(layout: string, { first, second, tie }: LabelNumbers): string {
  const numbers = tie === undefined ? `${first}..${second}` : `${first},${second},${tie}`;
  return `${layout.replace(/:.*/, "")}:${numbers}`;
}

/** How to say which number means what. */
export function numbersAdvice(layout: string, values: LabelValues, [response, other]: readonly string[]): string {
  const { low, high } = values;
  if (areThree(values)) {
    // Read as a scale, a code for a tie at its end would be a victory.
    const [codes, tieFirst, scale] = [
      { first: low, second: low + 1, tie: high },
      { first: low + 1, second: high, tie: low },
      { first: low, second: high },
    ].map((numbers) => `--adapter ${numbersName(layout, numbers)}`);
    return (
      `${codes} if ${low} means ${response}, ${low + 1} ${other} and ${high} a tie; ${tieFirst} if ${low} means a tie; ` +
      `${scale} if ${low} means ${response}, ${low + 1} a tie and ${high} ${other} (exchange the numbers of the two where they mean the reverse).`
    );
  }
  const [from, to] = low < high ? [low, high] : [0, 1];
  return (
    `--adapter ${numbersName(layout, { first: from, second: to })} if ${from} means ${response}, ` +
    `--adapter ${numbersName(layout, { first: to, second: from })} if ${to} means ${response} (write the ends of the whole scale).`
  );
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

/** A scale of labels. */
export interface Scale {
  /** Other numbers that mean a tie. */
  readonly ties?: readonly number[];
  /** Its numbers are whole. */
  readonly isWhole?: true;
}

/**
 * A number between two ends: the nearer it is to one, the better that response is; in the middle, a tie.
 *
 * @param first the number that favours the first response most
 * @param second the number that favours the second response most
 */
export function onScale(
  field: string,
  first: number,
  second: number,
  { ties = [], isWhole }: Scale = {},
): Verdict & Required<Pick<Verdict, "label">> {
  const [low, high] = first < second ? [first, second] : [second, first];
  const expected = `a ${isWhole ? "whole " : ""}number from ${low} to ${high}`;
  const middle = (first + second) / 2;
  const labelOf = (value: unknown): number | undefined => {
    const number = labelNumber(value);
    if (number === undefined || ties.includes(number)) return number;
    return number < low || number > high || (isWhole && !Number.isInteger(number)) ? undefined : number;
  };
  const of: Verdict["of"] = (fields) => {
    const value = fields[field];
    if (isUnjudged(value)) return { omitted: "not judged" };
    const number = labelOf(value);
    if (number === undefined) throw wrong(expected, field, value);
    if (ties.includes(number) || number === middle) return { omitted: "tie" };
    return number < middle === first < second ? [1, 0] : [0, 1];
  };
  const label: LabelColumn = {
    name: field,
    isKnown: (value) => labelOf(value) !== undefined,
    problem: (values, isFound) =>
      strayProblem(field, values, expected) ??
      wordsProblem(field, values, expected) ??
      (isFound && isWhole ? oneSidedProblem(field, values, low, high) : undefined),
  };
  return { of, label, isScale: true };
}

/** Labels by what their numbers mean. */
export function byNumbers(field: string, { first, second, tie }: LabelNumbers) {
  return tie === undefined ? onScale(field, first, second) : byCodes(field, { first, second, tie });
}

function byCodes(field: string, { first, second, tie }: Required<LabelNumbers>): ReturnType<typeof onScale> {
  const grades = new Map<number | undefined, Grades<readonly [number, number]>>([
    [first, [1, 0]],
    [second, [0, 1]],
    [tie, { omitted: "tie" }],
  ]);
  const expected = `${first}, ${second} or ${tie}`;
  const of: Verdict["of"] = (fields) => {
    const value = fields[field];
    if (isUnjudged(value)) return { omitted: "not judged" };
    const found = grades.get(labelNumber(value));
    if (found === undefined) throw wrong(expected, field, value);
    return found;
  };
  const label: LabelColumn = {
    name: field,
    isKnown: (value) => grades.has(labelNumber(value)),
    problem: (values) => strayProblem(field, values, expected) ?? wordsProblem(field, values, expected),
  };
  return { of, label, isScale: true };
}

/** A number outside of its scale shows that the file has another one, where those inside of it mean something else too. */
function strayProblem(field: string, { firstNumber, low, high }: LabelValues, expected: string): string | undefined {
  if (firstNumber === undefined) return undefined;
  return (
    `${JSON.stringify(field)} has ${describe(firstNumber.value)} at ${firstNumber.where}, which is not ${expected}; its numbers ` +
    `go from ${low} to ${high}.`
  );
}

/** As many labels have both signs, and the largest numbers, where the scale is this one. */
const MIN_JUDGED = 20;

/** Labels of 0 and 1, for example, are on every scale around 0: all would favour one response. */
function oneSidedProblem(field: string, values: LabelValues, low: number, high: number): string | undefined {
  const isOneSided = (values.low >= 0 && values.high < high) || (values.high <= 0 && values.low > low);
  if (values.count < MIN_JUDGED || !isOneSided) return undefined;
  return (
    `${JSON.stringify(field)} has numbers from ${values.low} to ${values.high} only, in ${values.count} rows; expected both ` +
    `responses to be better at times, with numbers from ${low} to ${high}.`
  );
}

/** A column with a few words. */
export function labelInWords(name: string, words: readonly string[]): LabelColumn {
  return {
    name,
    isKnown: (value) => typeof value === "string" && words.includes(value.trim()),
    problem: (values) => wordsProblem(name, values, `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`),
  };
}

/** A score for each response, higher is better. */
export function byScores(first: string, second: string): Verdict {
  return {
    of: (fields) => {
      const scores = [first, second].map((name) => {
        const number = asNumber(fields[name]);
        if (number === undefined) throw wrong("a number", name, fields[name]);
        return number;
      });
      const [one, other] = scores as [number, number];
      return one === other ? { omitted: "tie" } : [one, other];
    },
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
  if (isUnjudged(value)) return undefined;
  const number = asNumber(value);
  if (number === undefined) throw wrong("a number", where, value);
  return isRank ? 0 - number : number;
}

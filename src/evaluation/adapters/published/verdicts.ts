/** Which response is better, read from labels in numbers or words, from scores, and from grades. */
import { describe } from "../../../errors.ts";
import { type Fields, wrong } from "../adapter.ts";
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
import type { Description } from "../layout.ts";

/** The grades of responses, in their order, or why they have none. */
export type Grades<List extends readonly number[] = readonly number[]> = List | { readonly omitted: string };

type Two = readonly [number, number];

/** Which of two responses is better. */
export interface Verdict {
  /** What a row says. */
  readonly of: (fields: Fields) => Grades<Two>;
  /** The column that says it, where its values mean something only together. */
  readonly label?: LabelColumn;
  /** Its labels are numbers on a scale, of which there are others. */
  readonly isScale?: true;
}

/** Of a label whose values are numbers. */
type NumberVerdict = Verdict & Required<Pick<Verdict, "label">>;

/** A scale of labels. */
export interface Scale {
  /** Other numbers that mean a tie. */
  readonly ties?: readonly number[];
  /** Its numbers are whole. */
  readonly isWhole?: true;
  /** In the data set, each response is better at times. */
  readonly isMixed?: true;
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
  { ties = [], isWhole, isMixed }: Scale = {},
): NumberVerdict {
  const [low, high] = first < second ? [first, second] : [second, first];
  const middle = (first + second) / 2;
  const gradesOf = (number: number): Grades<Two> | undefined => {
    if (ties.includes(number)) return { omitted: "tie" };
    if (number < low || number > high || (isWhole && !Number.isInteger(number))) return undefined;
    if (number === middle) return { omitted: "tie" };
    return number < middle === first < second ? [1, 0] : [0, 1];
  };
  return inNumbers(field, `a ${isWhole ? "whole " : ""}number from ${low} to ${high}`, gradesOf, (values) =>
    isMixed ? oneSidedProblem(field, values, low, high) : undefined,
  );
}

/** Labels by what their numbers mean. */
export function byNumbers(field: string, { first, second, tie }: LabelNumbers): NumberVerdict {
  if (tie === undefined) return onScale(field, first, second);
  const codes = new Map<number, Grades<Two>>([
    [first, [1, 0]],
    [second, [0, 1]],
    [tie, { omitted: "tie" }],
  ]);
  return inNumbers(field, `${first}, ${second} or ${tie}`, (number) => codes.get(number));
}

/**
 * @param expected the numbers, for messages
 * @param gradesOf undefined for a number that is none of them
 * @param foundProblem why numbers that all are among them may still mean something else, where the layout was found
 */
function inNumbers(
  field: string,
  expected: string,
  gradesOf: (number: number) => Grades<Two> | undefined,
  foundProblem: (values: LabelValues) => string | undefined = () => undefined,
): NumberVerdict {
  const read = (value: unknown) => {
    const number = labelNumber(value);
    return number === undefined ? undefined : gradesOf(number);
  };
  return {
    isScale: true,
    of(fields) {
      const value = fields[field];
      if (isUnjudged(value)) return { omitted: "not judged" };
      const grades = read(value);
      if (grades === undefined) throw wrong(expected, field, value);
      return grades;
    },
    label: {
      name: field,
      isKnown: (value) => read(value) !== undefined,
      problem: (values, isFound) =>
        strayProblem(field, values, expected) ??
        wordsProblem(field, values, expected) ??
        (isFound ? foundProblem(values) : undefined),
    },
  };
}

/** A number outside of its scale shows that the file has another one, where those inside of it mean something else too. */
function strayProblem(field: string, { firstNumber, low, high }: LabelValues, expected: string): string | undefined {
  if (firstNumber === undefined) return undefined;
  return (
    `${JSON.stringify(field)} has ${describe(firstNumber.value)} at ${firstNumber.where}, which is not ${expected}; its numbers ` +
    `go from ${low} to ${high}.`
  );
}

/** So many labels favour both responses, where the scale is this one. */
const MIN_JUDGED = 20;

/** Labels of 0 and 1, for example, are on every scale around 0, and those of 1, 2 and 3 too: all would favour one response. */
function oneSidedProblem(field: string, values: LabelValues, low: number, high: number): string | undefined {
  const middle = (low + high) / 2;
  if (values.count < MIN_JUDGED || (values.low < middle && values.high > middle)) return undefined;
  return (
    `${JSON.stringify(field)} has numbers from ${values.low} to ${values.high} only, in ${values.count} rows: on the scale from ${low} to ` +
    `${high} none of them favours the other response. If it is that scale, name the adapter (--adapter); if not:`
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

/** Null, NaN and "N/A" are unknown. */
export function gradeOf(value: unknown, where: string, isRank: boolean): number | undefined {
  if (isUnjudged(value)) return undefined;
  const number = asNumber(value);
  if (number === undefined) throw wrong("a number", where, value);
  return isRank ? 0 - number : number;
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
  const [from, to] = endsOf(values);
  return (
    `--adapter ${numbersName(layout, { first: from, second: to })} if ${from} means ${response}, ` +
    `--adapter ${numbersName(layout, { first: to, second: from })} if ${to} means ${response} (write the ends of the scale, if they are others).`
  );
}

/** Of the scale that the numbers seem to be on: probabilities and the like rarely reach its ends. */
function endsOf({ low, high, distinct }: LabelValues): readonly [number, number] {
  const isWhole = [...distinct].every(Number.isInteger);
  if (low >= 0 && high <= 1 && (low === high || !isWhole)) return [0, 1];
  if (low >= -1 && high <= 1 && !isWhole) return [-1, 1];
  return low < high ? [low, high] : [0, 1];
}

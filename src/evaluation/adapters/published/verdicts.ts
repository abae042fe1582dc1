/** Which response is better, read from labels in numbers or words, from scores, and from grades. */
import { describe } from "../../../errors.ts";
import { type Fields, wrong } from "../adapter.ts";
import {
  areFew,
  type LabelColumn,
  type LabelValues,
  numbersIn,
  othersOf,
  type SeenLabels,
  unknownProblem,
} from "../label-values.ts";
import { asNumber, isTie, isUnjudged, type LabelNumbers, labelNumber } from "../labels.ts";

/** The grades of responses, in their order, or why they have none. */
export type Grades<List extends readonly number[] = readonly number[]> = List | { readonly omitted: string };

type Two = readonly [number, number];

/** Which of two responses is better. */
export interface Verdict {
  /** What a row says. */
  readonly of: (fields: Fields) => Grades<Two>;
  /** The column that says it, where its values mean something only together. */
  readonly label?: (advice: NumberAdvice) => LabelColumn;
  /** The name of that column, if its labels are numbers on a scale, of which there are others. */
  readonly scale?: string;
}

/** What to do about numbers on another scale. */
export interface NumberAdvice {
  /** The adapter's name. */
  readonly layout: string;
  /** As sentences. */
  readonly of: (values: SeenLabels) => string;
}

type NumberVerdict = Required<Verdict>;

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
 * A number between two ends: the nearer it is to one, the better that response is; in the middle, a tie. So are words for ties.
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
  return inNumbers(field, `a ${isWhole ? "whole " : ""}number from ${low} to ${high}`, gradesOf, (values, layout) =>
    isMixed ? oneSidedProblem(field, values, low, high, layout) : undefined,
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
  foundProblem: (values: LabelValues, layout: string) => string | undefined = () => undefined,
): NumberVerdict {
  const read = (value: unknown): Grades<Two> | undefined => {
    const number = labelNumber(value);
    if (number !== undefined) return gradesOf(number);
    return isTie(value) ? { omitted: "tie" } : undefined;
  };
  const expectedWords = `${expected}, or "tie"`;
  return {
    scale: field,
    of(fields) {
      const value = fields[field];
      if (isUnjudged(value)) return { omitted: "not judged" };
      const grades = read(value);
      if (grades === undefined) throw wrong(expectedWords, field, value);
      return grades;
    },
    label: (advice) => ({
      name: field,
      isKnown: (value) => !isUnjudged(value) && read(value) !== undefined,
      problem: (values, isFound) => {
        const rewrite = (asNumber: string) => `Rewrite the labels as such numbers${asNumber}, and ties as "tie".`;
        const words = unknownProblem(field, values, values.wrongWords, expectedWords, rewrite);
        const numbers = strayProblem(field, values, expected, read);
        if (numbers === undefined && words !== undefined) return words;
        const problem = numbers ?? (isFound ? foundProblem(values, advice.layout) : undefined);
        return problem && `${problem} ${advice.of(values.all)}`;
      },
    }),
  };
}

/** A number outside of its scale shows that the file has another one, where those inside of it mean something else too. */
function strayProblem(
  field: string,
  values: LabelValues,
  expected: string,
  read: (value: unknown) => Grades<Two> | undefined,
): string | undefined {
  const { all, known, wrongNumbers } = values;
  const { first, count } = wrongNumbers;
  if (first === undefined) return undefined;
  const begin = `${JSON.stringify(field)} has ${describe(first.value)} at ${first.where}; expected ${expected}`;
  const grades = [known.low, known.high, ...known.numbers].map(read).filter(Array.isArray);
  const isOfBoth = new Set(grades.map(String)).size === 2;
  if (!isOfBoth || !areFew(wrongNumbers, values)) return `${begin}, but the column has ${numbersIn(all)}.`;
  return `${begin} (${othersOf(values)}). ${mistakeAdvice(count)} If the labels are on another scale:`;
}

/** @param count of rows with such a label */
export function mistakeAdvice(count: number): string {
  return count === 1 ? "Correct or remove that row." : `Correct or remove the ${count} rows with such labels.`;
}

/** So many labels favour both responses, where the scale is this one. */
const MIN_JUDGED = 20;

/** Labels of 0 and 1, for example, are on every scale around 0, and those of 1, 2 and 3 too: all would favour one response. */
function oneSidedProblem(
  field: string,
  { all }: LabelValues,
  low: number,
  high: number,
  layout: string,
): string | undefined {
  const middle = (low + high) / 2;
  const isMixed = all.low < middle && all.high > middle;
  if (all.count < MIN_JUDGED || all.numbers.size === 0 || isMixed) return undefined;
  return (
    `${JSON.stringify(field)} has only ${numbersIn(all)} in ${all.count} rows: on the scale from ${low} to ${high}, ` +
    `none of them favours the other response. If they are on that scale, say so with --adapter ${layout}; if not:`
  );
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

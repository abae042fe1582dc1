/**
 * All labels of a file: what they mean is decided by all of them. A file of another scale has rows that seem to fit, and numbers of
 * these rows would be wrong without a sign of it.
 */
import { listed } from "../../plural.ts";
import { describeField } from "../../prompt/texts.ts";
import { asNumber, isUnjudged, labelNumber } from "./labels.ts";

/** The column of a file that has its labels. */
export interface LabelColumn {
  readonly name: string;
  /** Whether a value names a response, or a tie. */
  readonly isKnown: (value: unknown) => boolean;
  /**
   * Why a file with these labels cannot be read, as sentences.
   *
   * @param isFound the layout was found from the columns; otherwise it was asked for by its name
   */
  readonly problem: (values: LabelValues, isFound: boolean) => string | undefined;
}

/** More than three are no codes of two responses and a tie. */
const MAX_DISTINCT = 4;

/** Different values, up to MAX_DISTINCT of them; booleans are 0 and 1 among the numbers. */
export class SeenLabels {
  count = 0;
  readonly distinct = new Set<unknown>();
  readonly numbers = new Set<number>();
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;

  add(value: unknown): void {
    this.count += 1;
    if (this.distinct.size < MAX_DISTINCT) this.distinct.add(typeof value === "string" ? value.trim() : value);
    const number = labelNumber(value);
    if (number === undefined) return;
    this.low = Math.min(this.low, number);
    this.high = Math.max(this.high, number);
    if (this.numbers.size < MAX_DISTINCT) this.numbers.add(number);
  }
}

/** A label and where it is. */
export interface SeenLabel {
  readonly value: unknown;
  readonly where: string;
}

/** Labels that are not known. */
class WrongLabels {
  count = 0;
  /** The first of them and where it is. */
  first: SeenLabel | undefined;

  add(value: unknown, where: string): void {
    this.count += 1;
    this.first ??= { value, where };
  }
}

/** Without those of rows that nobody judged. */
export class LabelValues {
  readonly all = new SeenLabels();
  readonly known = new SeenLabels();
  readonly wrong = new WrongLabels();
  /** Those of the wrong ones that are numbers. */
  readonly wrongNumbers = new WrongLabels();
  readonly wrongWords = new WrongLabels();

  add(value: unknown, where: string, isKnown: LabelColumn["isKnown"]): void {
    const known = isKnown(value);
    if (!known && isUnjudged(value)) return;
    this.all.add(value);
    if (known) {
      this.known.add(value);
      return;
    }
    this.wrong.add(value, where);
    (labelNumber(value) === undefined ? this.wrongWords : this.wrongNumbers).add(value, where);
  }
}

/** Three whole numbers in a row, of which the middle one may be that of a scale, or any of them a code for a tie. */
export function areThree({ low, high, numbers }: SeenLabels): boolean {
  return numbers.size === 3 && Number.isInteger(low) && high - low === 2 && numbers.has(low + 1);
}

/** Of a hundred labels, one may be wrong: a problem of its row. More are of another layout than this one. */
const MAX_WRONG = 0.01;

export function areFew({ count }: { readonly count: number }, { all }: LabelValues): boolean {
  return 2 * count <= all.count && count <= Math.max(1, all.count * MAX_WRONG);
}

/** "the other 40 labels are 1 and 2" */
export function othersOf({ known }: LabelValues): string {
  const { count, distinct, low, high } = known;
  const labels = count === 1 ? "the other label is" : `the other ${count} labels`;
  if (distinct.size >= MAX_DISTINCT && low < high) return `${labels} go from ${low} to ${high}`;
  const shown = [...distinct].map((value) => (typeof value === "string" ? JSON.stringify(value) : String(value)));
  const list = distinct.size >= MAX_DISTINCT ? `${shown.join(", ")} and others` : listed(shown, "and");
  return `${labels}${count === 1 ? "" : " are"} ${list}`;
}

/**
 * Labels that mean nothing here, if they are more than a few.
 *
 * @param wrong these labels
 * @param expected what is known, to follow "expected"
 * @param advice what to do, as a sentence; it can say how a number is written here: ' (0.42 in place of "42%")'
 */
export function unknownProblem(
  name: string,
  values: LabelValues,
  wrong: WrongLabels,
  expected: string,
  advice: (asNumber: string) => string = () => "Rewrite the labels like that.",
): string | undefined {
  const { count, first } = wrong;
  if (first === undefined || areFew(wrong, values)) return undefined;
  const all = values.all.count;
  const others =
    count === 1
      ? ""
      : count === all
        ? `, and none of its ${all} labels is known`
        : `, the first of ${count} unknown labels among ${all}`;
  return (
    `${JSON.stringify(name)} has ${describeField(first.value)} at ${first.where}${others}; expected ${expected}. ` +
    advice(inPlaceOf(first.value))
  );
}

/** Of a number that is not written as one: "42%", "0,9". */
function inPlaceOf(value: unknown): string {
  if (typeof value !== "string") return "";
  const [, text = "", percent] = /^\s*([-+]?\d+(?:[.,]\d+)?)\s*(%?)\s*$/.exec(value) ?? [];
  const number = asNumber(text.replace(",", "."));
  if (number === undefined) return "";
  const plain = percent === "%" ? Number((number / 100).toPrecision(12)) : number;
  return ` (${plain} in place of ${JSON.stringify(value)})`;
}

/** "numbers from 1 to 7", "the number 1" */
export function numbersIn({ low, high }: SeenLabels): string {
  return low === high ? `the number ${low}` : `numbers from ${low} to ${high}`;
}

/** Number formats of the page. */
import { INTERVAL_LEVEL, type Interval } from "../measures/interval.ts";

/** Shown for an absent number. */
export const ABSENT = "–";
const MINUS = "−";
const NO_BREAK = "\u00a0";
/** "95 %", on one line. */
export const LEVEL = `${100 * INTERVAL_LEVEL}${NO_BREAK}%`;
/** The name of a column of intervals. */
export const INTERVAL = `${LEVEL} interval`;

/** Three decimals, like the model card's accuracies. */
export function share(value: number | undefined): string {
  return value === undefined ? ABSENT : value.toFixed(3).replace("-", MINUS);
}

export function signedShare(value: number): string {
  const text = share(value);
  return value > 0 && Number(value.toFixed(3)) !== 0 ? `+${text}` : text.replace(`${MINUS}0.000`, "0.000");
}

/** With a no-break space, so it wraps into two lines at most. */
export function intervalText(
  interval: Pick<Interval, "low" | "high"> | undefined,
  text: (value: number) => string = share,
): string {
  return interval === undefined ? ABSENT : `${text(interval.low)} to${NO_BREAK}${text(interval.high)}`;
}

export function intervalName({ method, level }: Interval): string {
  const name = {
    wilson: "Wilson",
    "clustered-wilson": "Wilson over prompts",
    "weighted-wilson": "Wilson over prompts",
    combined: "combined",
    paired: "paired",
    "clustered-mean": "Student over prompts",
    "clustered-median": "Woodruff over prompts",
  }[method];
  return `${100 * level}${NO_BREAK}%, ${name}`;
}

/** A reward, margin or other number of any magnitude: three decimals, or exponential if very large or small. */
export function real(value: number | undefined): string {
  if (value === undefined) return ABSENT;
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e5 || size < 5e-4) ? value.toExponential(2) : value.toFixed(3);
  return text.replace(/-/g, MINUS);
}

/** An axis label of at most three digits: 12000 as 12k, 3400000 as 3.4M. */
export function label(value: number): string {
  const size = Math.abs(value);
  const [unit, name] = size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  const extreme = size !== 0 && (size >= 1e9 || size < 1e-3);
  const text = extreme ? value.toExponential(0) : `${Number((value / unit).toPrecision(3))}${name}`;
  return text.replace(/-/g, MINUS);
}

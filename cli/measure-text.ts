/** Tables and notes of measures for people, and their numbers. */
import { padEnd, padStart, preview, textWidth } from "./visible-text.ts";

const GAP = 2;
/** Shown for an absent number. */
export const ABSENT = "-";
const DIGITS = 3;

/** First column left-aligned, the others right-aligned. */
export function aligned(rows: readonly (readonly string[])[], columns: number): string {
  const widths = (rows[0] ?? []).map((_, i) => rows.reduce((most, row) => Math.max(most, textWidth(row[i] ?? "")), 0));
  let fitting = widths.length;
  const total = () => widths.slice(0, fitting).reduce((sum, width) => sum + width + GAP, -GAP);
  while (fitting > 3 && total() > columns) fitting--;
  return rows
    .map((row) =>
      row
        .slice(0, fitting)
        .map((cell, i) => (i === 0 ? padEnd : padStart)(cell, widths[i] as number))
        .join(" ".repeat(GAP))
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** At spaces, further lines indented. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(last) + 1 + textWidth(word) <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `  ${word}`);
  }
  return lines.map((line) => preview(line, columns));
}

/** Three decimals. */
export function share(value: number | undefined): string {
  return value === undefined ? ABSENT : value.toFixed(DIGITS);
}

/** With its sign; what rounds to 0 has none. */
export function signed(value: number | undefined, digits = DIGITS): string {
  if (value === undefined) return ABSENT;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : value > 0 ? `+${text}` : text;
}

/** The ends of an interval. */
export function range(
  interval: { readonly low: number; readonly high: number } | undefined,
  text: (value: number) => string = share,
): string {
  return interval === undefined ? ABSENT : `${text(interval.low)} to ${text(interval.high)}`;
}

/** A share with its interval. */
export function estimate(value: number | undefined, interval: Parameters<typeof range>[0]): string {
  return interval === undefined ? share(value) : `${share(value)} (${range(interval)})`;
}

const SMALLEST_P = 0.0001;

/** A p of McNemar's test. @param below before a number that it is smaller than */
export function probability(p: number | undefined, below: string): string {
  if (p === undefined) return ABSENT;
  return p < SMALLEST_P ? `${below} ${SMALLEST_P}` : p.toFixed(4);
}

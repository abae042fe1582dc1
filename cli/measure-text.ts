/** Tables and notes of measures for people, and their numbers. */
import { padEnd, padStart, preview, textWidth } from "./visible-text.ts";

const GAP = 2;
/** Shown for an absent number. */
export const ABSENT = "-";
const DIGITS = 3;

/** Header of a column of intervals: it stays beside the number before it. */
export const INTERVAL = "95 % interval";

/**
 * Labels left-aligned, the other columns right-aligned. Columns for which there is no room follow below, as a table that begins with
 * the labels again; rows without any number there are left out of it.
 *
 * @param labels how many of the first columns name a row
 */
export function aligned(rows: readonly (readonly string[])[], columns: number, labels = 1): string {
  const [head = [], ...others] = rows;
  const widths = head.map((_, i) => rows.reduce((most, row) => Math.max(most, textWidth(row[i] ?? "")), 0));
  const blocks = blocksOf(head, widths, columns, labels);
  const isEmpty = (row: readonly string[], block: readonly number[]) =>
    block.every((i) => i < labels || row[i] === undefined || row[i] === "" || row[i] === ABSENT);
  const tables = blocks.map((block, at) => {
    const own = others.filter((row) => !isEmpty(row, block) || (at === 0 && blocks.every((one) => isEmpty(row, one))));
    return own.length === 0 && at > 0 ? "" : [head, ...own].map((row) => line(row, block, widths, labels)).join("");
  });
  return tables.filter((table) => table !== "").join("\n");
}

/** Indices of the columns of each table; the labels are in all. */
function blocksOf(head: readonly string[], widths: readonly number[], columns: number, labels: number): number[][] {
  const first = Array.from({ length: labels }, (_, i) => i);
  const blocks: number[][] = [[...first]];
  const widthOf = (block: readonly number[]) => block.reduce((sum, i) => sum + (widths[i] as number) + GAP, -GAP);
  for (let i = labels; i < head.length; ) {
    const group = head[i + 1] === INTERVAL ? [i, i + 1] : [i];
    const last = blocks.at(-1) as number[];
    if (last.length === labels || widthOf([...last, ...group]) <= columns) last.push(...group);
    else blocks.push([...first, ...group]);
    i += group.length;
  }
  return blocks;
}

function line(row: readonly string[], block: readonly number[], widths: readonly number[], labels: number): string {
  const cells = block.map((i) => (i < labels ? padEnd : padStart)(row[i] ?? "", widths[i] as number));
  return `${cells.join(" ".repeat(GAP)).trimEnd()}\n`;
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

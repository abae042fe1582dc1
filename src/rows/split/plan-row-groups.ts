/** Which row groups make a part, where parts of whole groups are what was asked for. */
import type { ParquetFooter, RowGroup } from "../parquet/footer.ts";
import type { CutSize } from "./cut-rule.ts";

/** Of whole row groups the largest part may have this many times its even share of the rows. */
const MAX_UNEVEN = 1.25;

/** The first group of each part, or undefined where groups have to be cut. */
export function wholeGroups({ groups }: Pick<ParquetFooter, "groups">, size: CutSize): readonly number[] | undefined {
  if (groups.length === 0) return [0];
  if ("parts" in size)
    return evenGroups(
      groups.map(({ rows }) => rows),
      size.parts,
    );
  const [measure, most] = "rows" in size ? [(group: RowGroup) => group.rows, size.rows] : [bytesOf, size.bytes];
  const firsts: number[] = [];
  let sum = 0;
  for (const [i, group] of groups.entries()) {
    const own = measure(group);
    if (own > most && group.rows > 1) return undefined;
    if (i === 0 || sum + own > most) {
      firsts.push(i);
      sum = 0;
    }
    sum += own;
  }
  return firsts;
}

export function bytesOf({ chunks }: RowGroup): number {
  return [...chunks.values()].reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The rows that each of so many parts begins with, counted from 0. */
export function evenRows(rows: number, parts: number): number[] {
  const count = Math.max(1, Math.min(parts, rows));
  return Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
}

function evenGroups(groups: readonly number[], parts: number): readonly number[] | undefined {
  const starts: number[] = [];
  let rows = 0;
  for (const count of groups) {
    starts.push(rows);
    rows += count;
  }
  const wanted = evenRows(rows, parts);
  const firsts: number[] = [];
  for (const [i, row] of wanted.entries()) {
    // As near as possible, with a group for each part before and after.
    const [low, high] = [(firsts.at(-1) ?? -1) + 1, groups.length - (wanted.length - i)];
    if (low > high) return undefined;
    let best = low;
    for (let at = low; at <= high; at++) {
      const nearer = Math.abs((starts[at] as number) - row) < Math.abs((starts[best] as number) - row);
      if (nearer) best = at;
    }
    firsts.push(i === 0 ? 0 : best);
  }
  const sizes = firsts.map((first, i) => (starts[firsts[i + 1] ?? groups.length] ?? rows) - (starts[first] as number));
  return Math.max(...sizes) <= MAX_UNEVEN * Math.ceil(rows / wanted.length) ? firsts : undefined;
}

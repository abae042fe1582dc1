/** Numbers of a part of the data, because rows failed: what a reader must know before quoting them. */
import { plural } from "../plural.ts";
import type { Incomplete, RowCounts } from "./report.ts";

/** Undefined if nothing failed: rows that are skipped, such as ties, have no verdict to measure. */
export function incompleteOf(rows: RowCounts): { readonly incomplete?: Incomplete } {
  const { read, broken, cases, sampled, failed } = rows;
  if (broken + failed === 0) return {};
  const skipped = Object.values(rows.omitted).reduce((sum, count) => sum + count, 0);
  const measured = sampled - failed;
  const isSample = sampled < cases;
  // A row can be several cases, and several rows one.
  const isRows = !isSample && cases + skipped + broken === read;
  if (isRows && measured === 0) {
    const sentence = `${broken + failed} of ${plural(read, "row")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    return { incomplete: { measured, failed: broken + failed, sentence } };
  }
  const parts = isRows
    ? [`of ${measured} of ${plural(read, "row")}; ${broken + failed} failed`, skipped > 0 && `${skipped} skipped`]
    : [
        isSample ? `of ${measured} of ${sampled} sampled cases` : `of ${plural(measured, "case")}`,
        broken > 0 && `${broken} of ${plural(read, "row")} failed`,
        failed > 0 && `${plural(failed, "case")} failed`,
      ];
  const sentence = parts.filter((part) => part !== false).join(isRows ? ", " : "; ");
  return { incomplete: { measured, failed: broken + failed, sentence } };
}

/** Of several benchmarks together. */
export function incompleteOfAll(
  benchmarks: readonly { readonly benchmark: string; readonly cases: number; readonly incomplete?: Incomplete }[],
): { readonly incomplete?: Incomplete } {
  const [only, ...others] = benchmarks;
  const parts = benchmarks.filter(({ incomplete }) => incomplete !== undefined);
  if (only === undefined || parts.length === 0) return {};
  if (others.length === 0 && only.incomplete !== undefined) return { incomplete: only.incomplete };
  const measured = benchmarks.reduce((sum, { cases }) => sum + cases, 0);
  const failed = parts.reduce((sum, { incomplete }) => sum + (incomplete?.failed ?? 0), 0);
  const names = parts.map(({ benchmark }) => benchmark).join(", ");
  return {
    incomplete: { measured, failed, sentence: `of ${plural(measured, "case")}; ${failed} failed in ${names}` },
  };
}

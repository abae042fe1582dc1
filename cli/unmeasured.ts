/** Why nothing was measured. */
import type { BenchmarkReport } from "../src/entry/eval.ts";
import { counted } from "./counted.ts";
import { preview } from "./visible-text.ts";

const MAX_REASON = 300;

/** What became of the rows of a benchmark without any that can be used, the most frequent reason first. */
export function unmeasuredError({ benchmark, rows }: Pick<BenchmarkReport, "benchmark" | "rows">): string {
  const reasons = Object.entries({ ...rows.problems, ...rows.omitted }).sort(([, a], [, b]) => b - a);
  const [first, ...others] = reasons.map(
    ([reason, count]) => `${counted(count, "row")}: ${preview(reason, MAX_REASON).replace(/\.$/, "")}`,
  );
  const why = `${first ?? "no row was read"}${others.length > 0 ? "; and others" : ""}`;
  return `error: ${benchmark} has no usable row, so nothing was measured: ${why}`;
}

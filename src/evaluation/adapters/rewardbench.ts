/** allenai/reward-bench, split "filtered": a chosen and a rejected response. */
import { type Adapted, type AdaptOptions, itemOf, namesOf, promptOf, rowFields, textOf } from "./adapter.ts";

const READ = ["prompt", "chosen", "rejected", "system"];

/** Pairs of identical texts are kept and count as wrong, as in the reference. */
export function adaptRewardBench(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"prompt","chosen","rejected"}', READ);
  const context = promptOf(fields, options);
  const responses = (["chosen", "rejected"] as const).map((name) => ({
    item: itemOf(context, textOf(fields, name)),
    grade: name === "chosen" ? 1 : 0,
    label: name,
  }));
  const subset = textOf(fields, "subset");
  return { case: { responses, comparisons: [{ better: 0, worse: 1 }], ...namesOf(fields), subset } };
}

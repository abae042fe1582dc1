/** allenai/reward-bench, split "filtered": a chosen and a rejected response. */
import { type Adapted, contextOf, fieldsOf, itemOf, namesOf, textOf } from "./adapter.ts";

/** The same text twice is kept: it counts as wrong, as in the reference. */
export function adaptRewardBench(row: unknown): Adapted {
  const fields = fieldsOf(row);
  const context = contextOf(fields, "prompt");
  const responses = (["chosen", "rejected"] as const).map((name) => ({
    item: itemOf(context, textOf(fields, name)),
    grade: name === "chosen" ? 1 : 0,
    label: name,
  }));
  const subset = textOf(fields, "subset");
  return { case: { responses, comparisons: [{ better: 0, worse: 1 }], ...namesOf(fields), subset } };
}

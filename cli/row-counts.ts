/** What became of the rows of data, for people: how many were skipped or failed, and why. */
import type { BenchmarkReport } from "../src/entry/eval.ts";
import { counted } from "./counted.ts";
import { preview } from "./visible-text.ts";

type RowCounts = BenchmarkReport["rows"];

/** A data set may have a reason of its own in every row. */
const MAX_REASONS = 6;
const MAX_REASON = 30;
/** Of a message about a row. */
const MAX_PROBLEM = 120;

/** Rows without a verdict; undefined: there are none. */
export function skippedText({ read, omitted }: RowCounts): string | undefined {
  const all = Object.entries(omitted);
  const count = all.reduce((sum, [, one]) => sum + one, 0);
  if (count === 0) return undefined;
  const named = all.slice(0, MAX_REASONS).map(([reason, one]) => `${preview(reason, MAX_REASON)} ${one}`);
  return `${count} of ${read} rows skipped (${named.join(", ")}${all.length > MAX_REASONS ? " and others" : ""})`;
}

/** Why no row could be used. */
export function whyNone({ problems, omitted }: RowCounts): string {
  return mostFrequent({ ...problems, ...omitted });
}

/** Why rows failed. */
export function whyFailed({ problems }: Pick<RowCounts, "problems">): string {
  return mostFrequent(problems);
}

function mostFrequent(counts: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const [first, ...others] = reasons.map(
    ([reason, count]) => `${counted(count, "row")}: ${preview(reason, MAX_PROBLEM).replace(/\.$/, "")}`,
  );
  return `${first ?? "no row was read"}${others.length > 0 ? "; and others" : ""}`;
}

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

/** Rows that failed, with the most frequent reason; undefined: there are none. */
export function failedText({ broken, failed, problems }: RowCounts): string | undefined {
  const count = broken + failed;
  const [first = "", ...others] = Object.keys(problems);
  if (count === 0) return undefined;
  return `${count} failed (${shown(first)})${others.length > 0 ? ", some for other reasons" : ""}`;
}

/** Why no row could be used: what became of them, the most frequent reason first. */
export function whyNone({ problems, omitted }: RowCounts): string {
  const [first, ...others] = Object.entries({ ...problems, ...omitted }).sort(([, a], [, b]) => b - a);
  if (first === undefined) return "no row was read";
  const [reason, count] = first;
  const what = `${counted(count, "row")} ${reason in omitted ? (count === 1 ? "was skipped" : "were skipped") : "failed"}`;
  const rest = others.reduce((sum, [, own]) => sum + own, 0);
  return `${what} (${shown(reason)})${rest > 0 ? `, and ${counted(rest, "row")} for other reasons` : ""}`;
}

function shown(problem: string): string {
  return preview(problem, MAX_PROBLEM).replace(/\.$/, "");
}

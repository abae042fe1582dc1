/** What is legal in a request's items but usually a mistake, for clients whose answers have no place for it. */
import type { ServedScore } from "./contract.ts";

export const WARNINGS_HEADER = "X-Starling-RM-Warnings";

/** "DOUBLE_BOS=3, TRUNCATED=1": in how many items, by the code; undefined for nothing. */
export function warningsHeader(results: readonly Pick<ServedScore, "warnings" | "truncated">[]): string | undefined {
  const counts = new Map<string, number>();
  const count = (code: string) => counts.set(code, (counts.get(code) ?? 0) + 1);
  for (const { warnings = [], truncated } of results) {
    for (const code of new Set(warnings.map((warning) => warning.code))) count(code);
    if (truncated) count("TRUNCATED");
  }
  if (counts.size === 0) return undefined;
  return [...counts].map(([code, items]) => `${code}=${items}`).join(", ");
}

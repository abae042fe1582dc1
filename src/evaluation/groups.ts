/** What accuracy is broken down by: fields of the rows, and what can be said of any case. */
import { lookUp } from "../prompt/field-path.ts";
import { type Fields, isObject } from "../prompt/input-fields.ts";
import type { PromptCase, ScoredCase } from "./case.ts";

/** Names that mean something without a field in the row. */
export const DERIVED_GROUPS = ["turns", "length"] as const;

/** Longer values are texts, not names of groups. */
const MAX_VALUE = 200;
/** Bands of "length": tokens of the longest response with its prompt, from this many on. */
const BANDS = [0, 128, 256, 512, 1024, 2048, 4096];

/** The fields' values in a row, and the number of turns; what the row has not is absent. */
export function groupsOf(
  row: unknown,
  by: readonly string[],
  { responses }: PromptCase,
): Readonly<Record<string, string>> {
  const groups: Record<string, string> = {};
  for (const name of by) {
    const value = isObject(row) ? valueText(lookUp(row as Fields, name)) : undefined;
    if (value !== undefined) groups[name] = value;
    else if (name === "turns") groups[name] = String(turnsOf(responses[0]?.item));
  }
  return groups;
}

/** Texts, numbers, true and false; other values, and an empty text, are no groups. */
function valueText(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value !== "string" || value.trim() === "") return undefined;
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE - 1)}…` : value;
}

/** The user's turns. */
function turnsOf(item: PromptCase["responses"][number]["item"] | undefined): number {
  return item !== undefined && "messages" in item ? item.messages.filter(({ role }) => role === "user").length : 1;
}

/** The band of "length", where it was asked for and the row has no such field. */
export function withLengthBand(scored: ScoredCase, by: readonly string[]): ScoredCase {
  if (!by.includes("length") || scored.groups?.["length"] !== undefined) return scored;
  const tokens = scored.tokenCounts.reduce((most, count) => Math.max(most, count), 0);
  const band = BANDS.findLastIndex((from) => tokens >= from);
  const [from, next] = [BANDS[band] as number, BANDS[band + 1]];
  const name = next === undefined ? `${from} tokens or more` : `${from} to ${next - 1} tokens`;
  return { ...scored, groups: { ...scored.groups, length: name } };
}

/** A row of input as items to score: one, or one per response. */

import { type ItemRules, isStarlingError, type StarlingError } from "../src/index.ts";
import { CONTENT_FIELDS, rowItems, type SourceRow } from "./library.ts";
import { ownFields, rawMembers } from "./own-fields.ts";

export interface Row {
  /** From 0. */
  readonly index: number;
  /** Its name in messages: `line 4`. */
  readonly where: string;
  /** Bytes of the input up to its end. */
  readonly endOffset: number;
  /** What to score; empty for a row with an `error`. */
  readonly items: readonly unknown[];
  /** Whether it has `responses` and gets lists of results. */
  readonly many: boolean;
  /** Its other fields, as text to insert before an object's closing brace. */
  readonly fields: string;
  readonly error?: StarlingError;
}

/** Fields of the output: a row's own fields of these names would look like results. */
const RESULT_FIELDS = [
  "index",
  "score",
  "scores",
  "ranks",
  "ranking",
  "tokenCount",
  "truncated",
  "tokenRewards",
  "error",
] as const;
/** The scored content is not repeated in the output either. */
const leftOut: ReadonlySet<string> = new Set([...CONTENT_FIELDS, ...RESULT_FIELDS]);

export function toRow(source: SourceRow, index: number, rules: ItemRules = {}): Row {
  const base = { index, where: source.where, endOffset: source.endOffset };
  if ("error" in source) return { ...base, items: [], many: false, fields: "", error: source.error };
  const { value } = source;
  const fields = isObject(value) ? ownFields(source.source, leftOut) : "";
  try {
    return { ...base, ...rowItems(value, rules), fields };
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    return { ...base, items: [], many: false, fields, error };
  }
}

/** Names of the row's own fields that the output replaces. */
export function replacedFields(source: SourceRow): string[] {
  if ("error" in source || !isObject(source.value)) return [];
  const names: readonly string[] = RESULT_FIELDS;
  return [...rawMembers(source.source).keys()].filter((name) => names.includes(name));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

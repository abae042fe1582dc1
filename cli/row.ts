/** A row of input as items to score: one, or one per response. */

import type { ItemWarning, StarlingError } from "../src/index.ts";
import { CONTENT_FIELDS, type ItemRow, toJson } from "./library.ts";
import { ownFields, rawMembers } from "./own-fields.ts";

export interface Row {
  /** From 0. */
  readonly index: number;
  /** Its name in messages: `line 4`. */
  readonly where: string;
  /** Bytes of the input up to its end. */
  readonly endOffset: number;
  /** The part of the input that was read with it, from 0 to 1; absent where that is not known. */
  readonly fraction?: number;
  /** What to score; empty for a row with an `error`. */
  readonly items: readonly unknown[];
  /** Whether it has `responses` and gets lists of results. */
  readonly many: boolean;
  /** Its other fields, as text to insert before an object's closing brace. */
  readonly fields: string;
  /** The row as it is in the file, whatever its fields are called; absent for rows of the command line and broken ones. */
  readonly source?: RowSourceFields;
  /** Of the row itself, whatever the model. */
  readonly warnings?: readonly ItemWarning[];
  readonly error?: StarlingError;
}

/** A row as it was read. */
export interface RowSourceFields {
  /** The name of its file. */
  readonly file: string;
  /** An object by field, if it is one; of CSV every value is a text or null. */
  readonly value: unknown;
  /** The same as one JSON text, with all digits of long numbers. */
  readonly json: string;
  /** Every row of the file has the same fields. */
  readonly isTable: boolean;
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

export function toRow(read: ItemRow, index: number): Row {
  const { file, where, endOffset, fraction, isTable = false } = read;
  const base = { index, where, endOffset, ...(fraction === undefined ? {} : { fraction }) };
  if (!("value" in read)) return { ...base, items: [], many: false, fields: "", ...errorOf(read) };
  const { value, json = toJson(value) } = read;
  const fields = isObject(value) ? ownFields(json, leftOut) : "";
  const source = { file, value, json, isTable };
  if ("error" in read) return { ...base, items: [], many: false, fields, source, error: read.error };
  const { items, many, warnings } = read;
  return { ...base, items, many, fields, source, ...(warnings.length > 0 ? { warnings } : {}) };
}

function errorOf(read: ItemRow): { error: StarlingError } | object {
  return "error" in read ? { error: read.error } : {};
}

/** Names of the row's own fields that the output replaces. */
export function replacedFields({ source }: Row): string[] {
  if (source === undefined || !isObject(source.value)) return [];
  const names: readonly string[] = RESULT_FIELDS;
  return [...rawMembers(source.json).keys()].filter((name) => names.includes(name));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

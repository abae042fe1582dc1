/** A row of input as items to score: one, or one per response. */

import type { ItemWarning, StarlingError } from "../src/index.ts";
import { type ItemRow, jsonText } from "./library.ts";
import { rawMembers } from "./raw-members.ts";

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
  /** All its fields, texts included, in order: the JSON of each value on one line, by name. */
  readonly own: ReadonlyMap<string, string>;
  /** Of a row with `many`: the field of `own` that has the list; default "responses". */
  readonly listField?: string;
  /** The row is of a table: every row of the file has the same columns. */
  readonly isTable?: true;
  /** Of the row itself, whatever the model. */
  readonly warnings?: readonly ItemWarning[];
  readonly error?: StarlingError;
}

export function toRow(read: ItemRow, index: number): Row {
  const { where, endOffset, fraction, isTable } = read;
  const base = {
    ...{ index, where, endOffset, own: ownFields(read) },
    ...(fraction === undefined ? {} : { fraction }),
    ...(isTable ? { isTable } : {}),
  };
  if ("error" in read) return { ...base, items: [], many: false, error: read.error };
  const { items, many, warnings, from } = read;
  const [listField, ...others] = from?.["responses"] ?? [];
  return {
    ...base,
    items,
    many,
    // Several fields, or a part of one, are no list that could be replaced.
    ...(listField !== undefined && others.length === 0 && base.own.has(listField) ? { listField } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

function ownFields({ value, json }: ItemRow): ReadonlyMap<string, string> {
  if (!isObject(value)) return new Map();
  if (json !== undefined) return rawMembers(json);
  return new Map(Object.entries(value).map(([name, member]) => [name, jsonText(member)]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

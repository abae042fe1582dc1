/** The type of a column, from all of its values: the narrowest that holds each of them without loss. */

export type ColumnType =
  | { readonly kind: "none" | "boolean" | "unsigned" | "number" | "text" | "json" }
  /** Whole numbers of 64 bits with a sign; whether some are negative, and some beyond what a float64 holds exactly. */
  | { readonly kind: "integer"; readonly isNegative: boolean; readonly isLong: boolean }
  | { readonly kind: "list"; readonly element: ColumnType }
  | { readonly kind: "struct"; readonly fields: ReadonlyMap<string, ColumnType> };

const NONE: ColumnType = { kind: "none" };
const JSON_TEXT: ColumnType = { kind: "json" };
const MAX_SIGNED = 2n ** 63n - 1n;
const MIN_SIGNED = -(2n ** 63n);
const MAX_UNSIGNED = 2n ** 64n - 1n;
/** Parquet readers recurse; deeper values are written as JSON. */
const MAX_DEPTH = 16;
/** Objects with names of their own in every row are maps, not structures. */
const MAX_FIELDS = 200;

/** @param value as parseExactly() gives it */
export function typeOf(value: unknown, depth = 0): ColumnType {
  if (value === null || value === undefined) return NONE;
  if (typeof value === "boolean") return { kind: "boolean" };
  if (typeof value === "string") return { kind: "text" };
  if (typeof value === "bigint") return integerType(value);
  if (typeof value === "number")
    return Number.isSafeInteger(value) ? { kind: "integer", isNegative: value < 0, isLong: false } : { kind: "number" };
  if (depth >= MAX_DEPTH) return JSON_TEXT;
  if (Array.isArray(value)) {
    let element: ColumnType = NONE;
    for (const each of value) element = merged(element, typeOf(each, depth + 1));
    return { kind: "list", element };
  }
  const entries = Object.entries(value as object);
  if (entries.length === 0 || entries.length > MAX_FIELDS) return JSON_TEXT;
  return { kind: "struct", fields: new Map(entries.map(([name, member]) => [name, typeOf(member, depth + 1)])) };
}

function integerType(value: bigint): ColumnType {
  const isLong = !Number.isSafeInteger(Number(value));
  if (value >= MIN_SIGNED && value <= MAX_SIGNED) return { kind: "integer", isNegative: value < 0n, isLong };
  return value > 0n && value <= MAX_UNSIGNED ? { kind: "unsigned" } : JSON_TEXT;
}

/** The narrowest type for values of both. */
export function merged(a: ColumnType, b: ColumnType): ColumnType {
  if (a.kind === "none") return b;
  if (b.kind === "none") return a;
  if (a.kind === "list" && b.kind === "list") return { kind: "list", element: merged(a.element, b.element) };
  if (a.kind === "struct" && b.kind === "struct") {
    const fields = new Map(a.fields);
    for (const [name, type] of b.fields) fields.set(name, merged(fields.get(name) ?? NONE, type));
    return fields.size > MAX_FIELDS ? JSON_TEXT : { kind: "struct", fields };
  }
  if (a.kind === "integer" && b.kind === "integer")
    return { kind: "integer", isNegative: a.isNegative || b.isNegative, isLong: a.isLong || b.isLong };
  if (a.kind === b.kind) return a;
  const [integer, other] = a.kind === "integer" ? [a, b] : [b, a];
  if (integer.kind !== "integer") return JSON_TEXT;
  if (other.kind === "number") return integer.isLong ? JSON_TEXT : other;
  return other.kind === "unsigned" && !integer.isNegative ? other : JSON_TEXT;
}

/** Paths into rows: "choices.0.message.content". */
import { readJson } from "./csv-cells.ts";
import { type Fields, isObject } from "./input-fields.ts";

/**
 * The value at a path; a name with dots in it comes first. JSON in a text, as in a cell, is gone into.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM for a key that an object of such JSON has twice
 */
export function lookUp(row: Fields, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  /** The path so far. */
  let above = "";
  for (const name of path.split(".")) {
    const inside = typeof value === "string" ? readJson(value, above) : value;
    above = above === "" ? name : `${above}.${name}`;
    if (Array.isArray(inside)) value = /^\d{1,9}$/.test(name) ? inside[Number(name)] : undefined;
    else value = isObject(inside) && Object.hasOwn(inside, name) ? inside[name] : undefined;
  }
  return value;
}

/** The field of the row that a path begins with. */
export function topName(row: Fields, path: string): string {
  return Object.hasOwn(row, path) ? path : (path.split(".")[0] as string);
}

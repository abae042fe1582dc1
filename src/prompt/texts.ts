/** Checks of single texts. */
import { describe, InvalidInputError } from "../errors.ts";
import { refuseLostType } from "./lost-type.ts";

/** A string that is not a list that became text. */
export function checkContent(value: unknown, where: string): string {
  const text = checkString(value, where);
  refuseLostType(text, where);
  return text;
}

/** A string of valid Unicode, or an error that names the field. */
export function checkString(value: unknown, where: string): string {
  if (value === undefined) throw invalidItem(`${where} is missing: expected a string.`, where);
  if (typeof value !== "string")
    throw invalidItem(`Expected a string for ${where} but received ${describeField(value)}.`, where);
  // A lone surrogate has no UTF-8 form; replacing it silently would score another text than the one that was given.
  if (!value.isWellFormed()) {
    throw new InvalidInputError("ERR_INVALID_UNICODE", `${where} is not valid Unicode: it contains a lone surrogate.`, {
      field: where,
    });
  }
  return value;
}

const MAX_SHOWN_NAMES = 5;
const MAX_NAME_CHARACTERS = 40;

/** As describe(), with the names of an object's fields. */
export function describeField(value: unknown): string {
  const what = describe(value);
  if (what !== "an object") return what;
  const names = Object.keys(value as object);
  if (names.length === 0) return "an empty object";
  const shown = names.slice(0, MAX_SHOWN_NAMES).map((name) => JSON.stringify(name.slice(0, MAX_NAME_CHARACTERS)));
  return `an object with ${shown.join(", ")}${names.length > MAX_SHOWN_NAMES ? " and others" : ""}`;
}

/** `"question" and "input"`. */
export function quotedNames(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(" and ");
}

export function invalidItem(message: string, field: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field });
}

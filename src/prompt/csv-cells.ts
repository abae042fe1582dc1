/** CSV cells that are not plain texts: lists, and missing values. */
import { doubledKey } from "../json-keys.ts";
import { parseJson } from "../rows/json-value.ts";
import type { CheckedItem } from "./items.ts";
import { invalidItem } from "./texts.ts";
import type { ItemWarning } from "./warnings.ts";

/** Parses a text that is a JSON list, the only way a cell can hold one; returns anything else unchanged. */
export function asParsed(value: unknown): unknown {
  return parsedIf(value, "[") ?? value;
}

/** How pandas, numpy, Python, SQL and spreadsheets write a missing value. */
const MISSING: ReadonlySet<string> = new Set(["nan", "none", "null", "n/a", "#n/a", "<na>", "nat", "undefined"]);

/** Warns about a response that is a missing value written as text. */
export function missingCell(item: CheckedItem): ItemWarning[] {
  const response = "response" in item ? item.response : "messages" in item ? (item.messages.at(-1)?.content ?? "") : "";
  const text = response.trim();
  return MISSING.has(text.toLowerCase()) ? [{ code: "MISSING_VALUE", token: text }] : [];
}

/**
 * Refuses a CSV cell that holds a list of texts, which JSON lines refuse too, and a single message that is not in a list.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseListCell(cell: unknown, name: string): void {
  const value = parsed(cell);
  const shown = `The column ${name} holds`;
  if (Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string"))
    throw invalidItem(`${shown} a JSON list of texts: write the text itself.`, name);
  if (typeof value === "object" && value !== null && "role" in value && "content" in value)
    throw invalidItem(`${shown} a single message: put it in a list, [ ].`, name);
}

/** The list or object that a text is as JSON; undefined for anything else. */
export function parsed(cell: unknown): unknown {
  return parsedIf(cell, "[{");
}

/** Parses a text that is a JSON list or object; returns anything else unchanged. */
export function asJson(value: unknown): unknown {
  return parsed(value) ?? value;
}

/** A list, also as JSON in a text, to be read as the field's value. @throws InvalidInputError ERR_INVALID_ITEM for a key that an object has twice */
export function readList(value: unknown, name: string): unknown {
  return withoutDoubles(value, parsedIf(value, "["), name);
}

/** As readList(), a list or an object. */
export function readJson(value: unknown, name: string): unknown {
  return withoutDoubles(value, parsed(value), name);
}

/**
 * What a value was read as; the value itself where it was not read.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM for a key that an object of its JSON has twice
 */
export function withoutDoubles(given: unknown, read: unknown, name: string): unknown {
  if (typeof given !== "string" || read === undefined) return given;
  const key = doubledKey(given, read);
  if (key !== undefined)
    throw invalidItem(
      `${name} has the key ${JSON.stringify(key)} twice in one object of its JSON: remove or rename one of them.`,
      name,
    );
  return read;
}

/** What JSON text holds, if it begins with one of these characters. */
function parsedIf(text: unknown, openings: string): unknown {
  if (typeof text !== "string") return undefined;
  const first = text.trimStart()[0];
  if (first === undefined || !openings.includes(first)) return undefined;
  try {
    return parseJson(text).value;
  } catch {
    return undefined;
  }
}

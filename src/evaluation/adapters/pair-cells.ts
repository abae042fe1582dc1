/** Cells of CSV that are no texts of a person: lists that lost their type, and what programs write for a missing value. */
import { InvalidInputError } from "../../errors.ts";
import type { CheckedItem } from "../../prompt/items.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import { parseJson } from "../../rows/json-value.ts";

/** As pandas, numpy, Python, SQL and spreadsheets write it. */
const MISSING: ReadonlySet<string> = new Set(["nan", "none", "null", "n/a", "#n/a", "<na>", "nat", "undefined"]);

/** A warning for a response that is a missing value as a text. */
export function missingCell(item: CheckedItem): ItemWarning[] {
  const response = "response" in item ? item.response : "messages" in item ? (item.messages.at(-1)?.content ?? "") : "";
  const text = response.trim();
  return MISSING.has(text.toLowerCase()) ? [{ code: "MISSING_VALUE", token: text }] : [];
}

/**
 * Refuses a cell of texts where one text was expected, as JSON lines refuse the list; and one message without its list.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseListCell(cell: unknown, name: string): void {
  const value = parsed(cell);
  const shown = `The column ${name} holds`;
  if (Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string"))
    throw invalid(`${shown} a list of texts as JSON: write the text itself.`, name);
  if (typeof value === "object" && value !== null && "role" in value && "content" in value)
    throw invalid(`${shown} one message without a list: put it in [ ].`, name);
}

function parsed(cell: unknown): unknown {
  if (typeof cell !== "string") return undefined;
  const first = cell.trimStart()[0];
  if (first !== "[" && first !== "{") return undefined;
  try {
    return parseJson(cell).value;
  } catch {
    return undefined;
  }
}

function invalid(message: string, field: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field });
}

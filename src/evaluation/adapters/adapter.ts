/** Rows of public data sets to cases: what their readers share. Every error names the field. */
import { describe, InvalidInputError, isStarlingError } from "../../errors.ts";
import { type Fields, fieldNames, type ItemRules, refuseUnreadInput } from "../../prompt/input-fields.ts";
import {
  type ChatMessage,
  type CheckedItem,
  checkContent,
  checkItem,
  checkString,
  checkTurnList,
  givenFields,
  isObject,
  refuseLastTurn,
  systemTurn,
  withSystem,
} from "../../prompt/items.ts";
import { pythonListAdvice, refuseLostType } from "../../prompt/lost-type.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import { parseJson } from "../../rows/json-value.ts";
import type { PromptCase } from "../case.ts";

/** A row as a case, or why it is none: the reason is counted in the report. */
export type Adapted =
  | { readonly case: PromptCase; readonly warnings?: readonly ItemWarning[] }
  | { readonly omitted: string };

export interface AdaptOptions extends ItemRules {
  /** Also make cases of responses whose order is not known; default false. */
  readonly unordered?: boolean;
  /** What becomes of a chosen and a rejected conversation that differ before their last turn; default "refuse". */
  readonly differentPrompts?: "refuse" | "allow";
  /** The row is of a CSV file: its values are texts, whatever they were before; default false. */
  readonly isCsv?: boolean;
}

/** @throws InvalidInputError ERR_INVALID_ITEM (or ERR_INVALID_UNICODE) for a row that does not fit; `field` names where */
export type Adapter = (row: unknown, options?: AdaptOptions) => Adapted;

export type { Fields };

/**
 * A row's fields, without those that are null or to be ignored. What belongs to the input and is not read is refused, and
 * so are texts that were lists before CSV.
 *
 * @param shape what messages say of a row that has none of the fields that are read
 * @param read names of the fields that hold texts, or lists of them
 */
export function rowFields(row: unknown, options: AdaptOptions, shape: string, read: readonly string[]): Fields {
  const all = fieldsOf(row);
  const fields = givenFields(all, Object.keys(all), options);
  if (read.every((name) => fields[name] === undefined)) {
    const message = `Expected ${shape} for the row, but it ${fieldNames(all)}.`;
    throw new InvalidInputError("ERR_INVALID_ITEM", message, { field: "the row" });
  }
  refuseUnreadInput(fields, "The row", options, read);
  if (options.isCsv)
    for (const name of read) {
      const cell = fields[name];
      if (typeof cell === "string") refuseLostType(cell, name, { isCell: true });
    }
  return fields;
}

export function fieldsOf(row: unknown, where = "the row"): Fields {
  if (isObject(row)) return row;
  throw wrong("an object", where, row);
}

export function textOf(fields: Fields, name: string, where = name): string {
  if (fields[name] === undefined || fields[name] === null) throw wrong("a text", where, undefined);
  return checkContent(fields[name], where);
}

/** A list; in CSV a cell that holds one as JSON. */
export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = asParsed(fields[name]);
  if (Array.isArray(value)) return value;
  throw wrong("a list", name, value, pythonListAdvice(value));
}

export function textsOf(fields: Fields, name: string): string[] {
  return listOf(fields, name).map((text, i) => checkString(text, `${name}[${i}]`));
}

/** true or false; in CSV "True" or "False", as pandas writes them. */
export function flagOf(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value === "boolean") return value;
  if (typeof value === "string" && /^(?:true|false)$/i.test(value)) return value.toLowerCase() === "true";
  throw wrong("true or false", name, value);
}

export function numberOf(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong("a finite number", where, value);
}

/** The messages that a field holds; the roles are checked, not who comes last. */
export function messagesOf(fields: Fields, name: string, rules: ItemRules): readonly ChatMessage[] {
  const list = listOf(fields, name);
  if (list.length === 0) throw wrong("one or more messages", name, list);
  return checkTurnList(list, name, rules);
}

/** Messages that end with the assistant's turn. An empty turn is one like others. */
export function conversationOf(fields: Fields, name: string, rules: ItemRules): CheckedItem {
  try {
    return checkItem({ messages: listOf(fields, name) }, name, rules);
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    // The row's field holds the list itself.
    const plain = (text: string) => text.replaceAll(`${name}.messages`, name);
    const field = plain(error.field ?? name);
    throw new InvalidInputError(error.code, plain(error.message), { field, cause: error });
  }
}

/** A response to what was said before. */
export function itemOf(context: string | readonly ChatMessage[], response: string): CheckedItem {
  if (typeof context === "string") return { prompt: context, response };
  const [first, ...more] = context;
  if (more.length === 0 && first?.role === "user") return { prompt: first.content, response };
  return { messages: [...context, { role: "assistant", content: response }] };
}

/** A prompt: a text, or a list of messages; in CSV such a list as JSON. A text like "[1, 2]" stays one. */
export function contextOf(fields: Fields, name: string, rules: ItemRules): string | readonly ChatMessage[] {
  const value = fields[name];
  const parsed = asParsed(value);
  const isMessages = Array.isArray(value) || (Array.isArray(parsed) && parsed.length > 0 && parsed.every(hasRole));
  return isMessages ? messagesOf(fields, name, rules) : textOf(fields, name);
}

/** {@link contextOf} "prompt", with the system turn that the row has beside it; it ends with the user's turn. */
export function promptOf(fields: Fields, rules: ItemRules): string | readonly ChatMessage[] {
  const context = contextOf(fields, "prompt", rules);
  if (typeof context !== "string") refuseLastTurn(context, "prompt", "user");
  return inContext(systemTurn(fields, "The row"), context);
}

/** A context with a system turn in front, where there is one. */
export function inContext(
  system: string | undefined,
  context: string | readonly ChatMessage[],
): string | readonly ChatMessage[] {
  if (system === undefined) return context;
  return withSystem(system, typeof context === "string" ? [{ role: "user", content: context }] : context, "The row");
}

function hasRole(value: unknown): boolean {
  return typeof value === "object" && value !== null && "role" in value;
}

/** The data set's own names of a row and of the part that it belongs to, where it has them. */
export function namesOf(fields: Fields): Pick<PromptCase, "id" | "subset"> {
  const [id, subset] = [nameOf(fields["id"]), nameOf(fields["subset"])];
  return { ...(id === undefined ? {} : { id }), ...(subset === undefined ? {} : { subset }) };
}

function nameOf(value: unknown): string | undefined {
  if (typeof value === "bigint" || Number.isFinite(value)) return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether two items are the same text, so that no model could tell them apart. */
export function isSame(one: CheckedItem, other: CheckedItem): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Comparisons grow with the square of the responses to a prompt; no data set comes near this many. */
export const MAX_COMPARED_RESPONSES = 1000;

export function refuseTooMany(responses: readonly unknown[], where: string): void {
  if (responses.length > MAX_COMPARED_RESPONSES)
    throw wrong(`at most ${MAX_COMPARED_RESPONSES} responses`, where, responses);
}

export function wrong(expected: string, where: string, received: unknown, advice = ""): InvalidInputError {
  const isMissing = received === undefined || received === null;
  const message = isMissing
    ? `${where} is missing or empty: expected ${expected}.${advice}`
    : `Expected ${expected} for ${where} but received ${describe(received)}.${advice}`;
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field: where });
}

/** A list of JSON in a text, where there is one: a cell of CSV has nothing else. */
function asParsed(value: unknown): unknown {
  if (typeof value !== "string" || !value.trimStart().startsWith("[")) return value;
  try {
    const { value: parsed } = parseJson(value);
    return Array.isArray(parsed) ? parsed : value;
  } catch {
    return value;
  }
}

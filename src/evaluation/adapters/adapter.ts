/** Shared by the adapters, which turn rows of data sets into cases. Every error names the field. */
import { InvalidInputError, isStarlingError } from "../../errors.ts";
import { asParsed, readJson, readList } from "../../prompt/csv-cells.ts";
import { type Fields, fieldNames, type ItemRules, isObject, refuseUnreadInput } from "../../prompt/input-fields.ts";
import { type CheckedItem, checkItem, givenFields, systemTurn, withSystem } from "../../prompt/items.ts";
import { pythonAdvice, refuseLostType } from "../../prompt/lost-type.ts";
import { type ChatMessage, checkTurnList, isMessage, refuseLastTurn } from "../../prompt/messages.ts";
import { rowAdvice } from "../../prompt/row-advice.ts";
import { checkContent, checkString, describeField } from "../../prompt/texts.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import type { CaseResponse, PromptCase } from "../case.ts";
import { asFlag } from "./labels.ts";
import { refuseUnreadPrompt } from "./unread-prompt.ts";

/** The case a row becomes, the several cases of a tree, or the reason why it is skipped; the report counts rows by reason. */
export type Adapted =
  | { readonly case: PromptCase; readonly warnings?: readonly ItemWarning[] }
  | { readonly cases: readonly PromptCase[] }
  | { readonly omitted: string };

export interface AdaptOptions extends ItemRules {
  /** Accept cases without any known order; default false. */
  readonly unordered?: boolean;
  /** Whether chosen and rejected conversations may differ before their last turn; default "refuse". */
  readonly differentPrompts?: "refuse" | "allow";
  /** The row comes from a CSV file, where every value is text; default false. */
  readonly isCsv?: boolean;
  /** The file that the row comes from, as messages name it. */
  readonly sourceName?: string;
}

/** @throws InvalidInputError ERR_INVALID_ITEM or ERR_INVALID_UNICODE for an invalid row; `field` names the field */
export type Adapter = (row: unknown, options?: AdaptOptions) => Adapted;

export type { Fields };

/**
 * A row's fields without null and ignored ones. Refuses input fields and prompts that the adapter would silently drop, and CSV
 * cells that were lists before they were written as text.
 *
 * @param shape the expected shape, for the message about a row with none of the `read` fields
 * @param read names of the fields that hold texts or lists of texts
 */
export function rowFields(row: unknown, options: AdaptOptions, shape: string, read: readonly string[]): Fields {
  const fields = allGiven(row, options);
  if (read.every((name) => fields[name] === undefined)) throw wrongShape(shape, fieldsOf(row));
  refuseUnreadInput(fields, "The row", options, read);
  refuseUnreadPrompt(fields, read);
  if (options.isCsv)
    for (const name of read) {
      const cell = fields[name];
      if (typeof cell === "string") refuseLostType(cell, name, { isCell: true });
    }
  return fields;
}

/** A row's fields without null and ignored ones. */
export function allGiven(row: unknown, options: AdaptOptions): Fields {
  const all = fieldsOf(row);
  return givenFields(all, Object.keys(all), options);
}

/** A row with none of the fields that are read. */
export function wrongShape(shape: string, fields: Fields): InvalidInputError {
  const advice = rowAdvice(fields);
  const message = `Expected ${shape} for the row, but it ${fieldNames(fields)}.${advice === undefined ? "" : ` ${advice}`}`;
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field: "the row" });
}

/** A row of another layout, which this one would read wrongly. */
export function rowOf(layout: string, because: string): InvalidInputError {
  return new InvalidInputError(
    "ERR_INVALID_ITEM",
    `It is a row of ${layout} (${because}): write its rows to a file of their own, and read that with eval pairs.`,
    { field: "the row" },
  );
}

export function fieldsOf(row: unknown, where = "the row"): Fields {
  if (isObject(row)) return row;
  throw wrong("an object", where, row, pythonAdvice(row));
}

/** An object, or a text that holds it as JSON. */
export function objectOf(fields: Fields, name: string): Fields {
  return fieldsOf(readJson(fields[name], name), name);
}

export function textOf(fields: Fields, name: string, where = name): string {
  return asText(fields[name], where);
}

export function asText(value: unknown, where: string): string {
  if (value === undefined || value === null) throw wrong("a string", where, undefined);
  return checkContent(value, where);
}

/** A list, or a CSV cell that holds a JSON list. */
export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = readList(fields[name], name);
  if (Array.isArray(value)) return value;
  throw wrong("a list", name, value, pythonAdvice(value));
}

export function textsOf(fields: Fields, name: string): string[] {
  return listOf(fields, name).map((text, i) => checkString(text, `${name}[${i}]`));
}

/** A boolean, or "True" or "False" as pandas writes it to CSV. */
export function flagOf(fields: Fields, name: string): boolean {
  const flag = asFlag(fields[name]);
  if (flag === undefined) throw wrong("true or false", name, fields[name]);
  return flag;
}

export function numberOf(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "bigint") return Number(value);
  throw wrong("a finite number", where, value);
}

/** A list of messages. Checks their roles, not who speaks last. */
export function messagesOf(fields: Fields, name: string, rules: ItemRules): readonly ChatMessage[] {
  const list = listOf(fields, name);
  if (list.length === 0) throw wrong("one or more messages", name, list);
  return checkTurnList(list, name, rules);
}

/** A list of messages that ends with the assistant's turn; empty turns are valid. */
export function conversationOf(fields: Fields, name: string, rules: ItemRules): CheckedItem {
  try {
    return checkItem({ messages: listOf(fields, name) }, name, rules);
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    // checkItem() names NAME.messages, but in a row the field itself is the list.
    const plain = (text: string) => text.replaceAll(`${name}.messages`, name);
    const field = plain(error.field ?? name);
    throw new InvalidInputError(error.code, plain(error.message), { field, cause: error });
  }
}

/** The item for a response to a prompt or conversation. */
export function itemOf(context: string | readonly ChatMessage[], response: string): CheckedItem {
  if (typeof context === "string") return { prompt: context, response };
  const [first, ...more] = context;
  if (more.length === 0 && first?.role === "user") return { prompt: first.content, response };
  return { messages: [...context, { role: "assistant", content: response }] };
}

/** A prompt: text, or a list of messages (in CSV as JSON). A text like "[1, 2]" stays text. */
export function contextOf(fields: Fields, name: string, rules: ItemRules): string | readonly ChatMessage[] {
  const value = fields[name];
  const parsed = asParsed(value);
  const isMessages = Array.isArray(value) || (Array.isArray(parsed) && parsed.length > 0 && parsed.every(isMessage));
  return isMessages ? messagesOf(fields, name, rules) : textOf(fields, name);
}

/** The prompt with the row's system turn; must end with the user's turn. */
export function promptOf(fields: Fields, rules: ItemRules, name = "prompt"): string | readonly ChatMessage[] {
  const context = contextOf(fields, name, rules);
  if (typeof context !== "string") refuseLastTurn(context, name, "user");
  return inContext(systemTurn(fields, "The row"), context);
}

/** Prepends a system turn, if there is one. */
export function inContext(
  system: string | undefined,
  context: string | readonly ChatMessage[],
): string | readonly ChatMessage[] {
  if (system === undefined) return context;
  return withSystem(system, typeof context === "string" ? [{ role: "user", content: context }] : context, "The row");
}

/** The row's id and subset, as far as it has them. */
export function namesOf(fields: Fields): Pick<PromptCase, "id" | "subset"> {
  const [id, subset] = [nameOf(fields["id"]), nameOf(fields["subset"])];
  return { ...(id === undefined ? {} : { id }), ...(subset === undefined ? {} : { subset }) };
}

/** The model that wrote a response, by which it is also called; nothing where the row does not name it. */
export function writtenBy(model: unknown): Pick<CaseResponse, "label" | "model"> {
  return typeof model === "string" ? { label: model, model } : {};
}

function nameOf(value: unknown): string | undefined {
  if (typeof value === "bigint" || Number.isFinite(value)) return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether two items are identical: no model could tell them apart. */
export function isSame(one: CheckedItem, other: CheckedItem): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Comparisons grow quadratically with the responses to a prompt; no data set comes near this number. */
const MAX_COMPARED_RESPONSES = 1000;

export function refuseTooMany(responses: readonly unknown[], where: string): void {
  if (responses.length > MAX_COMPARED_RESPONSES)
    throw wrong(`at most ${MAX_COMPARED_RESPONSES} responses`, where, responses);
}

export function wrong(expected: string, where: string, received: unknown, advice = ""): InvalidInputError {
  const isMissing = received === undefined || received === null;
  const message = isMissing
    ? `${where} is missing or empty: expected ${expected}.${advice}`
    : `Expected ${expected} for ${where} but received ${describeField(received)}.${advice}`;
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field: where });
}

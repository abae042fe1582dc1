/** Cells of CSV that are no texts of a person: lists that lost their type, and what programs write for a missing value. */
import { InvalidInputError } from "../../errors.ts";
import type { ChatMessage, CheckedItem } from "../../prompt/items.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import { parseJson } from "../../rows/json-value.ts";
import { parseDialogue } from "./dialogue.ts";

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

/**
 * Refuses a whole conversation in which the prompt beside it does not occur: which of them was answered is not known.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseLostPrompt(prompt: string, conversation: readonly ChatMessage[], name: string): void {
  const before = conversation.at(-1)?.role === "assistant" ? conversation.slice(0, -1) : conversation;
  const plain = onOneLine(prompt);
  if (before.some(({ content }) => onOneLine(content).includes(plain))) return;
  // A prompt that is the conversation so far, written as one text.
  const users = before.filter(({ role }) => role === "user");
  if (users.length > 0 && users.every(({ content }) => plain.includes(onOneLine(content)))) return;
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `${name} is a whole conversation in which the prompt does not occur: leave out "prompt", or give only the turns that follow it.`,
    { field: name },
  );
}

/**
 * Refuses a response that is a transcript with the prompt in it, as "\n\nHuman: …\n\nAssistant: …": it would be there twice.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseWholeTranscript(side: string, prompt: string | readonly ChatMessage[], name: string): void {
  const turns = parseDialogue(side);
  if (turns === undefined || !turns.some(({ role }) => role === "assistant")) return;
  const last = onOneLine(typeof prompt === "string" ? prompt : (prompt.at(-1)?.content ?? ""));
  const persons = turns.filter(({ role }) => role === "user").map(({ content }) => onOneLine(content));
  if (!persons.some((content) => isSameTurn(content, last))) return;
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `${name} is a transcript that has the prompt's turn itself: give the response only, or the conversation as a list of messages without "prompt".`,
    { field: name },
  );
}

/** A text of this length is no accident inside another one. */
const MIN_CONTAINED_CHARACTERS = 20;

/** A prompt may be the turn, have more around it, or be a transcript that ends with it. */
function isSameTurn(one: string, other: string): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return (short.length >= MIN_CONTAINED_CHARACTERS && long.includes(short)) || other.endsWith(`: ${one}`);
}

function onOneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}

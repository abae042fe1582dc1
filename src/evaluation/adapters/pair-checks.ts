/** Checks of preference rows: CSV cells that are not plain text, and prompts that would be lost or duplicated. */
import { InvalidInputError } from "../../errors.ts";
import type { ChatMessage, CheckedItem } from "../../prompt/items.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import { parseJson } from "../../rows/json-value.ts";
import { parseDialogue } from "./dialogue.ts";

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
    throw invalid(`${shown} a JSON list of texts: write the text itself.`, name);
  if (typeof value === "object" && value !== null && "role" in value && "content" in value)
    throw invalid(`${shown} a single message: put it in a list, [ ].`, name);
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
 * Refuses a whole conversation that does not contain the row's prompt: it is unclear which of them was answered.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseLostPrompt(prompt: string, conversation: readonly ChatMessage[], name: string): void {
  const before = conversation.at(-1)?.role === "assistant" ? conversation.slice(0, -1) : conversation;
  const plain = onOneLine(prompt);
  if (before.some(({ content }) => onOneLine(content).includes(plain))) return;
  // The prompt may be the conversation so far, written as one text.
  const users = before.filter(({ role }) => role === "user");
  if (users.length > 0 && users.every(({ content }) => plain.includes(onOneLine(content)))) return;
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `${name} is a whole conversation that does not contain the prompt: remove "prompt", or give only the turns that follow it.`,
    { field: name },
  );
}

/**
 * Refuses a response that is a transcript ("\n\nHuman: …\n\nAssistant: …") including the prompt, which would be scored twice.
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
    `${name} is a transcript that already contains the prompt: give only the response, or the conversation as a list of messages without "prompt".`,
    { field: name },
  );
}

/** A text this long does not occur inside another by accident. */
const MIN_CONTAINED_CHARACTERS = 20;

/** The prompt may equal the turn, contain more than it, or be a transcript that ends with it. */
function isSameTurn(one: string, other: string): boolean {
  if (one === other) return true;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return (short.length >= MIN_CONTAINED_CHARACTERS && long.includes(short)) || other.endsWith(`: ${one}`);
}

function onOneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}

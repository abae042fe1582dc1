/** A prompt beside what has turns of its own: it must neither be lost nor be there twice. */
import { InvalidInputError } from "../../errors.ts";
import type { ChatMessage } from "../../prompt/items.ts";
import { parseDialogue } from "./dialogue.ts";

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

/** Checks of preference rows: prompts that would be lost or duplicated. */
import { InvalidInputError } from "../../errors.ts";
import type { ChatMessage } from "../../prompt/messages.ts";

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
 * Refuses "messages" that do not begin with the turns before the response: earlier turns would be lost.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseLostMessages(messages: readonly ChatMessage[], scored: readonly ChatMessage[]): void {
  const isSame = (one: ChatMessage, other: ChatMessage | undefined) =>
    one.role === other?.role && onOneLine(one.content) === onOneLine(other.content);
  if (scored.every((turn, i) => isSame(turn, messages[i]))) return;
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    'The row has both "prompt" and "messages", but they are different conversations: ignore one of them (--ignore-field messages or ' +
      "--ignore-field prompt; in the library ignoreFields).",
    { field: "messages" },
  );
}

/** To compare texts that were wrapped or trimmed somewhere. */
export function onOneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}

/** What a list of messages in a row is, whoever wrote it. */
import { asParsed } from "./csv-cells.ts";
import { contentOf, roleOf } from "./messages.ts";

/** The content of a list of one message, the assistant's: the turn after a prompt, as TRL writes it. */
export function onlyAnswer(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 1) return undefined;
  const [message]: unknown[] = value;
  return roleOf(message) === "assistant" ? contentOf(message) : undefined;
}

/** Whether the last turn is the assistant's. */
export function endsWithAssistant(messages: unknown): boolean {
  const list = asParsed(messages);
  return Array.isArray(list) && roleOf(list.at(-1)) === "assistant";
}

/** Whether a conversation has the prompt, a text or messages, in it. */
export function contains(messages: readonly unknown[], prompt: unknown): boolean {
  const contents = messages.map(contentOf);
  if (typeof prompt === "string")
    return contents.some((content) => typeof content === "string" && content.trim() === prompt.trim());
  if (!Array.isArray(prompt)) return false;
  return prompt.every((message, i) => JSON.stringify(message) === JSON.stringify(messages[i]));
}

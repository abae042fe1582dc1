/** What a list of messages in a row is, whoever wrote it. */
import { asParsed } from "./csv-cells.ts";
import { isObject } from "./input-fields.ts";

/** The content of a list of one message, the assistant's: the turn after a prompt, as TRL writes it. */
export function onlyAnswer(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 1) return undefined;
  const [message]: unknown[] = value;
  if (!isObject(message)) return undefined;
  if (message["role"] === "assistant") return message["content"];
  return message["from"] === "gpt" ? message["value"] : undefined;
}

/** Whether the last turn is the assistant's. */
export function endsWithAssistant(messages: unknown): boolean {
  const list = asParsed(messages);
  const last: unknown = Array.isArray(list) ? list.at(-1) : undefined;
  return isObject(last) && ["assistant", "gpt", "chatgpt"].includes(String(last["role"] ?? last["from"]));
}

/** Whether a conversation has the prompt, a text or messages, in it. */
export function contains(messages: readonly unknown[], prompt: unknown): boolean {
  const contents = messages.map((message) =>
    isObject(message) ? (message["content"] ?? message["value"]) : undefined,
  );
  if (typeof prompt === "string")
    return contents.some((content) => typeof content === "string" && content.trim() === prompt.trim());
  if (!Array.isArray(prompt)) return false;
  return prompt.every((message, i) => JSON.stringify(message) === JSON.stringify(messages[i]));
}

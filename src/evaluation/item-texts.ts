/** An item's prompt and response as readable text, and the length of the response. */

import { createHash } from "node:crypto";
import type { CheckedItem } from "../prompt/items.ts";
import type { ChatMessage } from "../prompt/messages.ts";
import type { PlacedCase, PromptCase } from "./case.ts";
import type { CaseTexts } from "./measures/mistakes.ts";

/** The prompt of the first response. If conversations differ later on, the rest is part of the responses' texts. */
export function textsOf({ responses: [first, ...others] }: PromptCase): CaseTexts {
  if (first === undefined) return { prompt: "", responses: [] };
  const responses = [first, ...others].map(({ item, label }) => ({
    text: responseText(item),
    ...(label === undefined ? {} : { label }),
  }));
  return { prompt: promptText(first.item), responses };
}

/** The prompt; in a conversation, the turns before the assistant's first. Empty for a raw text. */
function promptText(item: CheckedItem): string {
  if ("text" in item) return "";
  if ("prompt" in item) return item.prompt;
  return inTurns(item.messages.slice(0, firstAnswer(item.messages)));
}

/** The response; in a conversation, everything from the assistant's first turn on. */
function responseText(item: CheckedItem): string {
  if ("text" in item) return item.text;
  if ("prompt" in item) return item.response;
  return inTurns(item.messages.slice(firstAnswer(item.messages)));
}

/** Characters (code points) of a response; in a conversation, of all assistant turns. */
export function responseLength(item: CheckedItem): number {
  if ("text" in item) return codePoints(item.text);
  if ("prompt" in item) return codePoints(item.response);
  return item.messages.reduce((sum, { role, content }) => sum + (role === "assistant" ? codePoints(content) : 0), 0);
}

function firstAnswer(messages: readonly ChatMessage[]): number {
  const first = messages.findIndex(({ role }) => role === "assistant");
  return first < 0 ? messages.length : first;
}

/** Several turns are labelled with their roles; a single one is not. */
function inTurns(messages: readonly ChatMessage[]): string {
  if (messages.length === 1) return messages[0]?.content ?? "";
  return messages.map(({ role, content }) => `${role}: ${content}`).join("\n\n");
}

function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) count -= 1;
  return count;
}

/** SHA-256 of an item's shape and texts, 64 hexadecimal digits; other fields do not count. */
export function itemHash(item: CheckedItem): string {
  return hash(shapeOf(item));
}

/**
 * Equal for all responses to a prompt, whether written as {prompt} or as a conversation. A {text} has no separate prompt, so
 * all of it is hashed.
 */
export function promptHash(item: CheckedItem): string {
  if ("text" in item) return hash(shapeOf(item));
  const turns = "messages" in item ? item.messages.slice(0, -1) : [{ role: "user", content: item.prompt }];
  return hash(["prompt", turns.map(({ role, content }) => [role, content])]);
}

const PROMPT_KEY_DIGITS = 16;

/** Equal for equal last turns, whatever came before them. */
export function responseHash(item: CheckedItem): string {
  const response = "text" in item ? item.text : "prompt" in item ? item.response : item.messages.at(-1)?.content;
  return hash(["response", response]).slice(0, PROMPT_KEY_DIGITS);
}

/**
 * Equal for cases with the same prompt: what comes before the last turn of all responses; where that differs between them, the
 * first turn of the user. Texts as they are show no prompt: such a case is one of its own.
 */
export function promptKey({ group, responses, source, row }: PlacedCase): string {
  if (group !== undefined) return hash(["group", group]).slice(0, PROMPT_KEY_DIGITS);
  const items = responses.map(({ item }) => item);
  if (items.some((item) => "text" in item)) return rowKey(source, row);
  const prompts = new Set(items.map(promptHash));
  const [only] = prompts;
  const key = prompts.size === 1 && only !== undefined ? only : hash(["first", firstQuestion(items[0])]);
  return key.slice(0, PROMPT_KEY_DIGITS);
}

/** Of a row whose prompt is not known. */
export function rowKey(source: number, row: number): string {
  return hash(["row", source, row]).slice(0, PROMPT_KEY_DIGITS);
}

function firstQuestion(item: CheckedItem | undefined): unknown {
  if (item === undefined || "text" in item) return undefined;
  if ("prompt" in item) return item.prompt;
  return item.messages.find(({ role }) => role === "user")?.content;
}

function shapeOf(item: CheckedItem): unknown {
  if ("text" in item) return ["text", item.text];
  if ("messages" in item) return ["messages", item.messages.map(({ role, content }) => [role, content])];
  return ["prompt-response", item.prompt, item.response];
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** Hashes that identify an item by its texts, or only by its prompt. */
import { createHash } from "node:crypto";
import type { CheckedItem } from "../prompt/items.ts";

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

function shapeOf(item: CheckedItem): unknown {
  if ("text" in item) return ["text", item.text];
  if ("messages" in item) return ["messages", item.messages.map(({ role, content }) => [role, content])];
  return ["prompt-response", item.prompt, item.response];
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

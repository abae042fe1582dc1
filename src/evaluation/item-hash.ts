/** Names for items: by all of their text, and by their prompt alone. */
import { createHash } from "node:crypto";
import type { CheckedItem } from "../prompt/items.ts";

/** 64 hexadecimal digits that stand for an item's shape and texts, and for nothing else of it. */
export function itemHash(item: CheckedItem): string {
  return hash(shapeOf(item));
}

/**
 * The same for all responses to a prompt, also where one is written as {prompt} and the other as a conversation. A {text}
 * has no prompt that could be told apart: it stands for itself.
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

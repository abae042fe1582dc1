/** Items, and what is prompt and what is response in them. */
import type { ChatMessage } from "../../../prompt/messages.ts";
import type { Item, Turn } from "./types.ts";

/** The item of a response; undefined where there is nothing to score yet. */
export function itemOf(turns: readonly Turn[], response: string): Item | undefined {
  const context = messagesOf(turns);
  if (response === "" || context.at(-1)?.role !== "user" || context.at(-1)?.content === "") return undefined;
  const [only] = context;
  if (context.length === 1 && only?.role === "user") return { prompt: only.content, response };
  return { messages: [...context, { role: "assistant", content: response }] };
}

/** Without an empty system turn. */
export function messagesOf(turns: readonly Turn[]): ChatMessage[] {
  return turns
    .filter(({ role, text }) => role !== "system" || text !== "")
    .map(({ role, text }) => ({ role, content: text }));
}

/** The turns before the response; none of a whole text. */
export function contextOf(item: Item): readonly ChatMessage[] {
  if ("text" in item) return [];
  if ("prompt" in item) return [{ role: "user", content: item.prompt }];
  return item.messages.slice(0, -1);
}

/** What is compared: the response, or the whole text. */
export function responseOf(item: Item): string {
  if ("text" in item) return item.text;
  if ("prompt" in item) return item.response;
  return item.messages.at(-1)?.content ?? "";
}

/** Responses to the same prompt have the same key; whole texts have one of their own. */
export function groupKey(item: Item): string {
  return "text" in item ? "text" : JSON.stringify(contextOf(item));
}

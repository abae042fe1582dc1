/** Conversations written as one text, "\n\nHuman: …\n\nAssistant: …", as Anthropic's data sets and Nectar have them. */
import type { ChatMessage } from "../../prompt/items.ts";

const MARK = /(?:^|\n\n)(Human|Assistant):/g;

/**
 * The turns, of user and assistant in turns. A mark counts where the other side may speak: "Human:" inside a person's turn
 * is text. One space behind a mark belongs to it; everything else is content. A last, empty turn of the assistant is what
 * is to be answered, and is left out.
 *
 * @returns undefined for a text that does not begin with a person's turn
 */
export function parseDialogue(text: string): ChatMessage[] | undefined {
  const begin = text.search(/\S/);
  const turns: { role: "user" | "assistant"; start: number; end: number }[] = [];
  for (const { index, 0: mark, 1: name } of text.matchAll(MARK)) {
    const role = name === "Human" ? "user" : "assistant";
    const last = turns.at(-1);
    if (last === undefined ? role !== "user" || (begin >= 0 && begin < index) : last.role === role) continue;
    if (last !== undefined) last.end = index;
    turns.push({ role, start: index + mark.length, end: text.length });
  }
  if (turns.length === 0) return undefined;
  const messages = turns.map(({ role, start, end }) => ({ role, content: text.slice(start, end).replace(/^ /, "") }));
  const last = messages.at(-1);
  if (last?.role === "assistant" && last.content.trim() === "") messages.pop();
  return messages;
}

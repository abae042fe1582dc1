/** Parses conversations written as one text, "\n\nHuman: …\n\nAssistant: …" (Anthropic's data sets, Nectar). */
import type { ChatMessage } from "../../prompt/messages.ts";
import { type Fields, textOf, wrong } from "./adapter.ts";

const MARK = /(?:^|\n\n)(Human|Assistant):/g;

/** Of a person and the assistant: a transcript has no system turn. */
export interface DialogueTurn extends ChatMessage {
  readonly role: "user" | "assistant";
}

/** As dialogueTurns(), without a final empty assistant turn: it is the one to be answered. */
export function parseDialogue(text: string): DialogueTurn[] | undefined {
  const turns = dialogueTurns(text);
  const last = turns?.at(-1);
  if (last?.role === "assistant" && last.content.trim() === "") turns?.pop();
  return turns;
}

/**
 * Splits the text into alternating turns of user and assistant. "Human:" inside a user turn is content, and likewise for the
 * assistant. One space after a mark is part of the mark.
 *
 * @returns undefined if the text does not begin with a user turn
 */
export function dialogueTurns(text: string): DialogueTurn[] | undefined {
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
  return turns.map(({ role, start, end }) => ({ role, content: text.slice(start, end).replace(/^ /, "") }));
}

/** The turns of a field that is a prompt as such a text. @throws InvalidInputError if it does not end with the user's turn */
export function openDialogueOf(fields: Fields, name: string): readonly ChatMessage[] {
  const text = textOf(fields, name);
  const turns = parseDialogue(text);
  if (turns?.at(-1)?.role === "user") return turns;
  throw wrong('a string "\\n\\nHuman: …\\n\\nAssistant: " that ends before the answer', name, text);
}

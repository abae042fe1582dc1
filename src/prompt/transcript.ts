/** Conversations written as one text, "\n\nHuman: …\n\nAssistant: …", where the other side's turn is part of the text. */
import type { CheckedItem } from "./items.ts";
import type { ItemWarning } from "./warnings.ts";

const PERSON = /^\s*(?:#+ *)?(Human|User|USER|HUMAN) ?:/;
const ASSISTANT = /\n\s*(?:#+ *)?(?:Assistant|ASSISTANT|AI|Bot|GPT) ?:/;

/** A warning for an item of which a turn of the user holds turns of its own. */
export function transcriptIn(item: CheckedItem): ItemWarning | undefined {
  if ("text" in item) return undefined;
  if ("prompt" in item) return transcriptWarning(item.prompt);
  for (const { role, content } of item.messages) {
    const warning = role === "user" ? transcriptWarning(content) : undefined;
    if (warning !== undefined) return warning;
  }
  return undefined;
}

/** A warning for a prompt that begins with a person's turn and goes on with the assistant's. */
export function transcriptWarning(prompt: string): ItemWarning | undefined {
  const [begin] = PERSON.exec(prompt) ?? [];
  if (begin === undefined) return undefined;
  const [turn] = ASSISTANT.exec(prompt) ?? [];
  if (turn === undefined) return undefined;
  return { code: "TRANSCRIPT_IN_PROMPT", token: `${begin.trim()} … ${turn.trim()}` };
}

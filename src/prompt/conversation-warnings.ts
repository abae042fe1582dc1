/** Probable mistakes that an item's texts show, with any model. */
import type { CheckedItem } from "./items.ts";
import { isListOfMessages } from "./lost-type.ts";
import { transcriptIn } from "./transcript.ts";
import type { ItemWarning } from "./warnings.ts";

export function conversationWarnings(item: CheckedItem): ItemWarning[] {
  const warnings = [transcriptIn(item), repeatedRole(item), listAsText(item)];
  return warnings.filter((warning) => warning !== undefined);
}

/** Some data sets have such turns; more often a turn between them was lost. */
function repeatedRole(item: CheckedItem): ItemWarning | undefined {
  if (!("messages" in item)) return undefined;
  const { messages } = item;
  const repeated = messages.find(({ role }, i) => i > 0 && messages[i - 1]?.role === role);
  return repeated === undefined ? undefined : { code: "REPEATED_ROLE", token: repeated.role };
}

const MAX_SHOWN_CHARACTERS = 24;

/** The last turn, or the whole {text}. */
function listAsText(item: CheckedItem): ItemWarning | undefined {
  const text = "text" in item ? item.text : "prompt" in item ? item.response : (item.messages.at(-1)?.content ?? "");
  if (!isListOfMessages(text)) return undefined;
  return { code: "LIST_AS_TEXT", token: `${text.trim().slice(0, MAX_SHOWN_CHARACTERS)}…` };
}

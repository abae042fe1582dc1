/**
 * Chat templates. A rendered text is a list of parts: even indexes are template text, in which the tokenizer recognises
 * special tokens; odd indexes are content, in which it does not. So a response cannot end its own turn, whatever is
 * typed in it.
 */
import { InvalidInputError } from "../errors.ts";
import type { ChatMessage, MessagesItem, PromptResponseItem, ScoreItem } from "./items.ts";

/**
 * - `plain`: special tokens typed in a prompt, response or message are plain text.
 * - `reference`: they are special tokens, as in the model card's code.
 * A {text} item is always scored as in the card's code.
 */
export type SpecialTokens = "plain" | "reference";

export type TextParts = readonly string[];

interface ChatTemplate {
  /** Text before the content of a message. */
  readonly before: (role: string) => string;
  /** Text after the content of every message but the last. */
  readonly between: string;
  /** Text after the content of the last message. */
  readonly after: string;
}

/** Yi-34B-Chat's template as the model card of Starling-RM-34B writes it: no newline at the end, no system turn added. */
const yiChat: ChatTemplate = {
  before: (role) => `<|im_start|>${role}\n`,
  between: "<|im_end|>\n",
  after: "<|im_end|>",
};

const templates: Readonly<Record<string, ChatTemplate>> = { "yi-chat": yiChat };

/** Names that `starling.template` may have. */
const templateNames: readonly string[] = Object.keys(templates);

/** Renders one item to the parts of its text. */
export function renderItem(item: ScoreItem, templateName: string, specialTokens: SpecialTokens): TextParts {
  if ("text" in item) return [item.text];
  const template = templates[templateName];
  if (!template) {
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The chat template "${templateName}" is not known; known are ${templateNames.join(", ")}.`,
      { field: "template" },
    );
  }
  const parts = renderMessages("messages" in item ? item.messages : asMessages(item.prompt, item.response), template);
  return specialTokens === "reference" ? [parts.join("")] : parts;
}

/** The item with an empty response: what it has in common with the item's text is the prompt. */
export function withoutResponse(item: PromptResponseItem | MessagesItem): ScoreItem {
  if ("prompt" in item) return { prompt: item.prompt, response: "" };
  const { messages } = item;
  const last = messages[messages.length - 1] as ChatMessage;
  return { messages: [...messages.slice(0, -1), { role: last.role, content: "" }] };
}

function asMessages(prompt: string, response: string): ChatMessage[] {
  return [
    { role: "user", content: prompt },
    { role: "assistant", content: response },
  ];
}

function renderMessages(messages: readonly ChatMessage[], template: ChatTemplate): TextParts {
  const parts: string[] = [];
  let pending = "";
  for (const { role, content } of messages) {
    parts.push(pending + template.before(role), content);
    pending = template.between;
  }
  parts.push(template.after);
  return parts;
}

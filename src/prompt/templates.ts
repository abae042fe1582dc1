/**
 * Chat templates. A rendered text is a list of parts: even indexes are template text, in which the tokenizer recognises
 * special tokens; odd indexes are content, in which it does not. So a response cannot end its own turn, whatever is
 * typed in it.
 */
import { InvalidInputError } from "../errors.ts";
import type { TemplateName } from "../gguf/starling-keys.ts";
import type { ChatTemplateSource } from "../gguf/vocabulary-metadata.ts";
import { compileChatTemplate } from "./chat-template.ts";
import type { ChatMessage, CheckedItem } from "./items.ts";

/**
 * - `plain`: special tokens typed in a prompt, response or message are plain text.
 * - `reference`: they are special tokens, as in the model card's code.
 * A {text} item is always scored as in the card's code.
 */
export type SpecialTokens = "plain" | "reference";

export type TextParts = readonly string[];

/**
 * Renders a conversation whose last message is the response; its content is the last odd part.
 *
 * @param where how messages name the item
 * @throws InvalidInputError for a conversation that the template does not have
 */
export type ChatTemplate = (messages: readonly ChatMessage[], where: string) => TextParts;

/** Yi-34B-Chat's template as the model card of Starling-RM-34B writes it: no newline at the end, no system turn added. */
const yiChat: ChatTemplate = (messages) => {
  const parts: string[] = [];
  let pending = "";
  for (const { role, content } of messages) {
    parts.push(`${pending}<|im_start|>${role}\n`, content);
    pending = "<|im_end|>\n";
  }
  parts.push("<|im_end|>");
  return parts;
};

/** As the model card of Starling-RM-7B-alpha writes its one example; it says nothing of other conversations. */
const llama2Starling: ChatTemplate = (messages, where) => {
  const [user, assistant] = messages;
  if (user?.role !== "user" || assistant?.role !== "assistant" || messages.length !== 2)
    throw unusable(
      where,
      "The template of Starling-RM-7B-alpha is known for one user turn and one assistant turn only",
    );
  return ["<s>[INST] ", user.content, " </s> [/INST] ", assistant.content, "</s>"];
};

const none: ChatTemplate = (_, where) => {
  throw unusable(where, "The model has no chat template, so that only {text} items can be scored with it");
};

function unusable(where: string, reason: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", `${where} cannot be scored: ${reason}.`, { field: where });
}

/**
 * The template of this name.
 *
 * @param source the Jinja template, for "chat-template"
 */
export function openTemplate(name: TemplateName, source?: ChatTemplateSource): ChatTemplate {
  if (name === "yi-chat") return yiChat;
  if (name === "llama-2-starling") return llama2Starling;
  return name === "chat-template" && source !== undefined ? compileChatTemplate(source) : none;
}

/** Renders one item to the parts of its text; a {text} item is one template part. */
export function renderItem(item: CheckedItem, template: ChatTemplate, where: string): TextParts {
  if ("text" in item) return [item.text];
  return template("messages" in item ? item.messages : asMessages(item), where);
}

/** The parts with the last content left out: what both have in common is the prompt. */
export function withoutResponse(parts: TextParts): TextParts {
  const last = parts.length - (parts.length % 2 === 0 ? 1 : 2);
  return parts.map((part, i) => (i === last ? "" : part));
}

function asMessages({
  prompt,
  response,
}: {
  readonly prompt: string;
  readonly response: string;
}): readonly ChatMessage[] {
  return [
    { role: "user", content: prompt },
    { role: "assistant", content: response },
  ];
}

/**
 * Chat templates. A rendered text is a list of parts: even indexes are template text, in which the tokenizer recognises
 * special tokens; odd indexes are content, in which it does not. So a response cannot end its own turn, whatever is
 * typed in it.
 */

import { InvalidInputError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { MAX_TEMPLATE_BYTES, type TemplateName } from "../profiles/rules.ts";
import { jinjaTemplate, type Renderer } from "./chat-template.ts";
import type { ChatTemplate, Conversation, RenderedParts, TextParts } from "./conversation.ts";
import type { CheckedItem } from "./items.ts";
import type { ChatMessage } from "./messages.ts";

/**
 * - `plain`: special tokens typed in a prompt, response or message are plain text.
 * - `reference`: they are special tokens, as in the model card's code.
 * A {text} item is always scored as in the card's code.
 */
export type SpecialTokens = "plain" | "reference";

/** A template that is part of this package. */
type BuiltIn = (messages: readonly ChatMessage[], where: string) => RenderedParts;

/** Yi-34B-Chat's template as the model card of Starling-RM-34B writes it: no newline at the end, no system turn added. */
const yiChat: BuiltIn = (messages) => {
  const parts: string[] = [];
  let pending = "";
  for (const { role, content } of messages) {
    parts.push(`${pending}<|im_start|>${role}\n`, content);
    pending = "<|im_end|>\n";
  }
  parts.push("<|im_end|>");
  return parts;
};

/** Of one user turn and one answer, as the model card of `of` writes its examples; it does not define other conversations. */
function exchange(of: string, [before, between, after]: readonly [string, string, string]): BuiltIn {
  return (messages, where) => {
    const [user, assistant] = messages;
    if (user?.role !== "user" || assistant?.role !== "assistant" || messages.length !== 2)
      return unusable(where, `The template of ${of} supports only one user turn and one assistant turn`);
    return [before, user.content, between, assistant.content, after];
  };
}

const builtIns: ReadonlyMap<TemplateName, BuiltIn> = new Map([
  ["yi-chat", yiChat],
  ["llama-2-starling", exchange("Starling-RM-7B-alpha", ["<s>[INST] ", " </s> [/INST] ", "</s>"])],
  ["ultra-rm", exchange("UltraRM", ["Human: ", "\nAssistant: ", ""])],
  // The backslash is the model card's.
  ["eurus-rm", exchange("Eurus-RM", ["[INST] ", " [\\INST] ", ""])],
  ["beaver", exchange("beaver-7b", ["BEGINNING OF CONVERSATION: USER: ", " ASSISTANT:", "</s>"])],
  ["ziya", exchange("Ziya-LLaMA-7B-Reward", ["Human:", "\n\nAssistant:", ""])],
]);

function none(reason: string): BuiltIn {
  return (_, where) => unusable(where, `${reason}; only {text} items can be scored with it`);
}

function unusable(where: string, reason: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", `${where} cannot be scored: ${reason}.`, { field: where });
}

function builtIn(render: BuiltIn): ChatTemplate {
  return {
    render: (conversations) => conversations.map(({ messages, where }) => render(messages, where)),
    close: () => {},
  };
}

/** A model's own template, in addition to its name. */
export interface OwnTemplate {
  /** Of its Jinja template, for "chat-template". */
  readonly renderer?: Renderer | undefined;
  /** The file it came from, if known. */
  readonly from?: string | undefined;
  /** Why there is none, as a message about the model. */
  readonly problem?: string | undefined;
}

/** The template of this name. */
export function openTemplate(name: TemplateName, { renderer, from, problem }: OwnTemplate = {}): ChatTemplate {
  if (name === "chat-template" && renderer !== undefined) return jinjaTemplate(renderer, from);
  return builtIn(builtIns.get(name) ?? none(problem ?? "The model has no chat template"));
}

/** Why a model's own templates render nothing; undefined where they do, or where it has none. */
export function templateProblem(
  template: string | undefined,
  names: readonly string[] | undefined,
): string | undefined {
  if (names !== undefined)
    return `The model has the chat templates ${names.map(quote).join(", ")} and none named "default"`;
  const bytes = Buffer.byteLength(template ?? "");
  if (bytes <= MAX_TEMPLATE_BYTES) return undefined;
  return `The model's chat template has ${bytes} bytes, more than the limit of ${MAX_TEMPLATE_BYTES}`;
}

export interface NamedItem {
  readonly item: CheckedItem;
  /** How messages name it. */
  readonly where: string;
}

/** Renders items to the parts of their texts, or the errors in their places; a {text} item is one template part. */
export async function renderItems(
  items: readonly NamedItem[],
  template: ChatTemplate,
  signal?: AbortSignal,
): Promise<RenderedParts[]> {
  const conversations: Conversation[] = [];
  for (const { item, where } of items)
    if (!("text" in item))
      conversations.push({ messages: "messages" in item ? item.messages : asMessages(item), where });
  const rendered = conversations.length === 0 ? [] : await template.render(conversations, signal);
  let next = 0;
  return items.map(({ item }) => ("text" in item ? [item.text] : (rendered[next++] as RenderedParts)));
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

/**
 * A checkpoint's own Jinja template, as transformers' apply_chat_template renders it: trim_blocks, lstrip_blocks, no
 * generation prompt, no tools, no documents. It runs in a process of its own (native/child-process/template-engine.cjs says how template
 * text and contents are separated); this file prepares the request and checks the answer.
 */
import { InvalidInputError } from "../errors.ts";
import type { ChatTemplate, Conversation, TextParts } from "./conversation.ts";

/** What is rendered with. */
export interface TemplateSetup {
  /** Jinja. */
  readonly source: string;
  /** bos_token and its like. */
  readonly tokens: Readonly<Record<string, string>>;
  /** "YYYY-MM-DD", for templates that ask for a date. */
  readonly date?: string | undefined;
}

/** A conversation: roles, and as many contents. */
export type RenderRequest = readonly [roles: readonly string[], contents: readonly string[]];

/** Template text and contents, in turn; what is kept of each content is from `start` to `end`. */
export interface RenderedConversation {
  /** One more than there are contents. */
  readonly texts: readonly string[];
  readonly contents: readonly { readonly index: number; readonly start: number; readonly end: number }[];
}

export interface RenderFailure {
  /** In words, about the template ("it …"). */
  readonly reason: string;
  /** "date": it needs a date, and none was given; "changes": its own text depends on content; "broken": it is not a template. */
  readonly kind?: "date" | "changes" | "broken" | undefined;
}

export type RenderOutcome = RenderedConversation | RenderFailure;

/** Renders conversations somewhere else. */
export interface Renderer {
  /** @returns an outcome for each, in order; rejects with the signal's reason, or that of close() */
  render(requests: readonly RenderRequest[], signal?: AbortSignal): Promise<readonly RenderOutcome[]>;
  close(reason: unknown): void;
}

/**
 * One that is not supported is an error of each conversation; {text} items can still be scored.
 *
 * @param from the file that it was, as far as it is known
 */
export function jinjaTemplate(renderer: Renderer, from: string | undefined): ChatTemplate {
  const name = `the model's chat template${from === undefined ? "" : ` (${from})`}`;
  return {
    async render(conversations, signal) {
      const outcomes = await renderer.render(
        conversations.map(({ messages }) => [messages.map(({ role }) => role), messages.map(({ content }) => content)]),
        signal,
      );
      return conversations.map((conversation, i) => partsOf(conversation, outcomes[i] as RenderOutcome, name));
    },
    close: (reason) => renderer.close(reason),
  };
}

function partsOf(
  { messages, where }: Conversation,
  outcome: RenderOutcome,
  name: string,
): TextParts | InvalidInputError {
  if ("reason" in outcome) return failure(outcome, where, name);
  const { texts, contents } = outcome;
  const parts = [texts[0] as string];
  contents.forEach(({ index, start, end }, i) => {
    parts.push((messages[index] as { content: string }).content.slice(start, end), texts[i + 1] as string);
  });
  return parts;
}

function failure({ reason, kind }: RenderFailure, where: string, name: string): InvalidInputError {
  if (kind === "date")
    return new InvalidInputError(
      "ERR_INVALID_ITEM",
      `${where} cannot be scored without a date, which ${name} needs: set templateDate (--template-date YYYY-MM-DD).`,
      { field: where },
    );
  if (kind === "broken")
    return new InvalidInputError("ERR_INVALID_ITEM", `${where} cannot be scored: ${name} is broken: ${reason}.`, {
      field: where,
    });
  if (kind === "changes")
    return unusable(
      `${where} cannot be scored: ${name} changes its own text depending on message content, which is not supported`,
    );
  return unusable(`${where} cannot be scored with ${name}: ${reason}`);
}

function unusable(sentence: string): InvalidInputError {
  const advice =
    "score the rendered conversation as {text} instead, without a BOS where the tokenizer adds one (tokenize shows it) " +
    "and with nothing after its last end of turn";
  return new InvalidInputError("ERR_INVALID_ITEM", `${sentence}; ${advice}.`);
}

/** Input and output of a chat template, whatever renders it. */
import type { StarlingError } from "../errors.ts";
import type { ChatMessage } from "./messages.ts";

/** Template text at even indexes, content at odd ones. */
export type TextParts = readonly string[];

/** A conversation whose last message is the response. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** How messages name the item. */
  readonly where: string;
}

export type RenderedParts = TextParts | StarlingError;

export interface ChatTemplate {
  /**
   * Renders conversations, in order: the response is the last odd part of each. One that the template does not have gives
   * its error.
   *
   * @param signal ends the work; the promise rejects with its reason
   */
  render(
    conversations: readonly Conversation[],
    signal?: AbortSignal,
  ): readonly RenderedParts[] | Promise<readonly RenderedParts[]>;
  /** Frees what it holds; calls that wait reject with `reason`. It can be used again. */
  close(reason: unknown): void;
}

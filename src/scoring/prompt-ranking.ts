/** A prompt whose state is kept, for responses that come one by one. */
import { isStarlingError, ModelClosedError } from "../errors.ts";
import { type ChatMessage, checkItem, checkString, type ScoreItem } from "../prompt/items.ts";
import { cancellable } from "./cancellable.ts";
import { nativeFailure } from "./failures.ts";
import type { RewardModel } from "./reward-model.ts";
import type { StreamContext } from "./stream.ts";
import type { ScoreOptions, ScoreResult } from "./types.ts";

export interface PromptOptions {
  /** Stops the evaluation of the prompt; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Stands for all responses where the prompt's own tokens are looked for. */
const SOME_RESPONSE = "a";

/** @internal Use {@link RewardModel.prompt}. */
export async function openPrompt(
  model: RewardModel,
  { native, tokenizer, assertUnchanged }: StreamContext,
  prompt: string | readonly ChatMessage[],
  { signal }: PromptOptions,
): Promise<PromptRanking> {
  signal?.throwIfAborted();
  const toItem = itemMaker(prompt);
  const options = { findResponse: true, signal };
  const [tokenized] = await tokenizer.tokenizeEach([toItem(SOME_RESPONSE)], () => "prompt", options);
  if (tokenized === undefined || isStarlingError(tokenized)) throw tokenized;
  signal?.throwIfAborted();
  const { ids, responseStart = 0 } = tokenized;
  const length = Math.min(responseStart, native.info.contextTokens);
  if (length === 0) return new PromptRanking(model, toItem, undefined);
  await assertUnchanged();
  signal?.throwIfAborted();
  const job = native.pinPrefix(ids.subarray(0, length));
  const id = await cancellable(job, signal, nativeFailure);
  try {
    await assertUnchanged();
  } catch (error) {
    native.unpinPrefix(id);
    throw error;
  }
  return new PromptRanking(model, toItem, () => native.unpinPrefix(id));
}

function itemMaker(prompt: string | readonly ChatMessage[]): (response: string) => ScoreItem {
  if (typeof prompt === "string") {
    checkString(prompt, "prompt");
    return (response) => ({ prompt, response });
  }
  if (!Array.isArray(prompt)) throw new TypeError("Expected a string or an array of messages for prompt.");
  const messages: readonly ChatMessage[] = [...prompt];
  const toItem = (response: string): ScoreItem => ({
    messages: [...messages, { role: "assistant", content: response }],
  });
  checkItem(toItem(SOME_RESPONSE), "prompt");
  return toItem;
}

/**
 * Scores responses to one prompt as they arrive. All methods may be called at any time, also several at once. Close it
 * when no more responses come, or hold it with `await using`.
 */
export class PromptRanking implements AsyncDisposable {
  readonly #model: RewardModel;
  readonly #toItem: (response: string) => ScoreItem;
  #release: (() => void) | undefined;
  #count = 0;
  #closed = false;

  /** @internal Use {@link RewardModel.prompt}. */
  constructor(model: RewardModel, toItem: (response: string) => ScoreItem, release: (() => void) | undefined) {
    this.#model = model;
    this.#toItem = toItem;
    this.#release = release;
  }

  /**
   * Scores one response.
   *
   * @returns its score; `index` counts the calls from 0
   * @throws InvalidInputError for a response that cannot be scored
   */
  async score(response: string, options: Omit<ScoreOptions, "nameItem" | "onProgress"> = {}): Promise<ScoreResult> {
    if (this.#closed) throw new ModelClosedError("The ranking is closed: open the prompt again to score with it.");
    checkString(response, "response");
    const index = this.#count++;
    const [result] = await this.#model.score([this.#toItem(response)], { ...options, nameItem: () => "response" });
    return { ...(result as ScoreResult), index };
  }

  /** Frees the prompt's state. Calls that are under way are finished. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#release?.();
    this.#release = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

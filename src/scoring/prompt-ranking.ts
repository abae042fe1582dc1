/** A prompt whose state is kept, for responses that arrive one by one. */
import { isStarlingError, ModelClosedError, notConstructible } from "../errors.ts";
import { aBoolean, aNameList, aSignal, checkOptions } from "../options.ts";
import type { ItemRules } from "../prompt/input-fields.ts";
import { checkItem, type ScoreItem } from "../prompt/items.ts";
import { checkString } from "../prompt/texts.ts";
import { cancellable } from "./cancellable.ts";
import type { SharedPrompt } from "./conversation-argument.ts";
import { nativeFailure } from "./failures.ts";
import type { StreamContext } from "./stream.ts";
import type { ScoreOptions, ScoreResult } from "./types.ts";

/** Options of {@link RewardModel.openPrompt}. */
export interface PromptOptions extends ItemRules {
  /** Stops the evaluation of the prompt; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a ranking scores with: a RewardModel. */
export interface Scorer {
  score(items: readonly ScoreItem[], options: ScoreOptions): Promise<readonly ScoreResult[]>;
}

/** How a response to an open prompt is scored. */
export type PromptScoreOptions = Omit<ScoreOptions, "nameItem" | "onProgress">;

const promptScoreChecks = { strict: aBoolean, perToken: aBoolean, ignoreFields: aNameList, signal: aSignal };

/** Any response: the prompt's tokens are the same with all. */
const SOME_RESPONSE = "a";

/** @internal Use RewardModel.openPrompt. */
export async function openPrompt(
  model: Scorer,
  { native, tokenizer, assertUnchanged }: StreamContext,
  shared: SharedPrompt,
  { signal }: PromptOptions,
): Promise<PromptRanking> {
  signal?.throwIfAborted();
  const toItem = (response: string): ScoreItem => ({ ...shared, response });
  checkItem(toItem(SOME_RESPONSE), "item");
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

/**
 * Scores responses to one prompt as they arrive. All methods may be called at any time, also several at once. Close it
 * when no more responses come, or hold it with `await using`.
 */
export class PromptRanking implements AsyncDisposable {
  readonly #model: Scorer;
  readonly #toItem: (response: string) => ScoreItem;
  #release: (() => void) | undefined;
  #count = 0;
  #closed = false;

  /** @internal Use RewardModel.openPrompt. */
  constructor(model: Scorer, toItem: (response: string) => ScoreItem, release: (() => void) | undefined) {
    if (toItem === undefined) throw notConstructible("PromptRanking", "RewardModel.openPrompt()");
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
  async score(response: string, options: PromptScoreOptions = {}): Promise<ScoreResult> {
    if (this.#closed) throw new ModelClosedError("The ranking is closed: open the prompt again to score with it.");
    options = checkOptions("score", options, promptScoreChecks);
    checkString(response, "response");
    const index = this.#count++;
    const [result] = await this.#model.score([this.#toItem(response)], { ...options, nameItem: () => "response" });
    return { ...(result as ScoreResult), index };
  }

  /** Frees the prompt's state. Running calls finish first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#release?.();
    this.#release = undefined;
  }

  /** As {@link PromptRanking.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

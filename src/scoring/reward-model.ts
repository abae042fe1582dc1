/** The public class: a loaded reward model. */
import { invalidArgument, ModelClosedError, notConstructible } from "../errors.ts";
import type { OpenedGguf } from "../gguf/opened-gguf.ts";
import type { NativeModel } from "../native/addon.ts";
import { aBoolean, aFunction, aList, aNameList, anIterable, aSignal, checkOptions, readable } from "../options.ts";
import { checkItem, type ScoreItem } from "../prompt/items.ts";
import { checkString } from "../prompt/texts.ts";
import { copyHead, type RewardHead } from "../reward-head.ts";
import { type ConversationInput, conversationArgument } from "./conversation-argument.ts";
import type { RewardModelInfo } from "./model-info.ts";
import { openPrompt, type PromptOptions, type PromptRanking } from "./prompt-ranking.ts";
import { ranksOf } from "./ranks.ts";
import type { RewardTokenizer, TokenizeOptions } from "./reward-tokenizer.ts";
import { featureStream, type StreamContext, scoreStream } from "./stream.ts";
import type {
  FeatureOptions,
  FeatureOutcome,
  FeatureResult,
  RankedResponse,
  RankOptions,
  ScoreFailure,
  ScoreOptions,
  ScoreOutcome,
  ScoreResult,
  TokenizedItem,
} from "./types.ts";

const streamChecks = {
  onProgress: aFunction,
  signal: aSignal,
  nameItem: aFunction,
  strict: aBoolean,
  ignoreFields: aNameList,
};
const scoreOptionChecks = { ...streamChecks, perToken: aBoolean };
const promptOptionChecks = { ignoreFields: aNameList, signal: aSignal };
const featureOptionChecks = { ...streamChecks, onResult: aFunction };

/** @internal The file that a model was loaded from; closed with the model. */
export let openedFileOf: (model: RewardModel) => OpenedGguf;
/** @internal Tokens that the model evaluated so far, and those that it took from its cache instead. */
export let tokenCountsOf: (model: RewardModel) => { readonly computed: number; readonly reused: number };

/**
 * A loaded reward model. Methods may be called at any time, also in parallel: the work is done in order, off the JS thread.
 * Close the model when you no longer need it, or declare it with `await using`.
 */
export class RewardModel implements AsyncDisposable {
  /** What the model is and how it runs. */
  readonly info: RewardModelInfo;
  /** Its tokenizer. It keeps working after the model is closed. */
  readonly tokenizer: RewardTokenizer;
  readonly #native: NativeModel;
  readonly #context: StreamContext;
  readonly #head: RewardHead;
  readonly #file: OpenedGguf;
  #closing: Promise<void> | undefined;

  static {
    openedFileOf = (model) => model.#file;
    tokenCountsOf = (model) => ({ computed: model.#native.computedTokens, reused: model.#native.reusedTokens });
  }

  /** @internal Use {@link loadRewardModel}. */
  constructor(info: RewardModelInfo, context: StreamContext, head: RewardHead, file: OpenedGguf) {
    if (file === undefined) throw notConstructible("RewardModel", "loadRewardModel()");
    this.#file = file;
    this.info = info;
    this.tokenizer = context.tokenizer;
    this.#native = context.native;
    this.#context = context;
    this.#head = head;
  }

  /** The reward head in use; a copy. */
  get head(): RewardHead {
    return copyHead(this.#head);
  }

  /** Whether {@link RewardModel.close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Scores items.
   *
   * @returns one result for each item, in the order of the items
   * @throws InvalidInputError for the first item that cannot be scored; items of a wrong shape are found before any work.
   *   FileError ERR_MODEL_CHANGED once the model's file is not what was loaded: see the option `mmap`
   */
  async score(items: readonly ScoreItem[], options: ScoreOptions = {}): Promise<readonly ScoreResult[]> {
    checkItemList(items, "scoreEach");
    this.#assertOpen();
    options = checkOptions("score", options, scoreOptionChecks);
    options.signal?.throwIfAborted();
    checkItems(items, options);
    return allOf(scoreStream(items, this.#context, options));
  }

  /**
   * Scores items as they come, in constant memory: outcomes are yielded in the order of the items, and an item that
   * cannot be scored yields its error and does not stop the others.
   *
   * @throws FileError ERR_MODEL_CHANGED, see {@link score}
   */
  scoreEach(
    items: Iterable<ScoreItem> | AsyncIterable<ScoreItem>,
    options: ScoreOptions = {},
  ): AsyncGenerator<ScoreOutcome, void, undefined> {
    this.#assertOpen();
    checkItemStream(items);
    options = checkOptions("scoreEach", options, scoreOptionChecks);
    return scoreStream(items, this.#context, options);
  }

  /**
   * Scores items and also returns the hidden states behind the scores, to which another linear head can be fitted.
   *
   * @returns one result for each item, in the order of the items
   * @throws as {@link score}
   */
  async features(items: readonly ScoreItem[], options: FeatureOptions = {}): Promise<readonly FeatureResult[]> {
    checkItemList(items, "featuresEach");
    this.#assertOpen();
    options = checkOptions("features", options, featureOptionChecks);
    options.signal?.throwIfAborted();
    checkItems(items, options);
    return allOf(featureStream(items, this.#context, options));
  }

  /** As {@link scoreEach}, with the features. */
  featuresEach(
    items: Iterable<ScoreItem> | AsyncIterable<ScoreItem>,
    options: FeatureOptions = {},
  ): AsyncGenerator<FeatureOutcome, void, undefined> {
    this.#assertOpen();
    checkItemStream(items);
    options = checkOptions("featuresEach", options, featureOptionChecks);
    return featureStream(items, this.#context, options);
  }

  /**
   * Ranks responses to one conversation, which is computed once.
   *
   * @param conversation a text, messages that end with the user's turn, or an object with one of them
   * @param responses the responses to compare, in any order
   * @returns the responses, best first (the lowest score, where `info.direction` is "lower"); `index` is the position in `responses`, equal scores keep that order
   * @throws as {@link score}
   */
  rank(
    conversation: ConversationInput,
    responses: readonly string[],
    options?: ScoreOptions,
  ): Promise<readonly RankedResponse[]>;
  /** The same, with everything in one object: a row of a data set, or options beside it. */
  rank(options: RankOptions): Promise<readonly RankedResponse[]>;
  async rank(
    first: ConversationInput | RankOptions,
    ...rest: [responses?: readonly string[], options?: ScoreOptions]
  ): Promise<readonly RankedResponse[]> {
    this.#assertOpen();
    const [given, more] = rest;
    // Without a second argument everything is in the object; with one, other fields of a row do not matter.
    const isWhole = rest.length === 0;
    const checks = isWhole ? { ...scoreOptionChecks, responses: aList } : {};
    const later = [more, scoreOptionChecks] as const;
    const { shared, options } = conversationArgument<ScoreOptions & Partial<RankOptions>>("rank", first, checks, later);
    const { responses: own, ...scoring } = options;
    const responses = isWhole ? own : given;
    const isList = readable("responses", () => Array.isArray(responses));
    if (!isList || responses === undefined) throw invalidArgument("responses", "an array of strings", responses);
    const nameItem = scoring.nameItem ?? ((index: number) => `responses[${index}]`);
    const items = responses.map((response, i) => ({ ...shared, response: checkString(response, nameItem(i)) }));
    const results = await this.score(items, { ...scoring, nameItem });
    const ranks = ranksOf(
      results.map(({ score }) => score),
      this.info.direction,
    );
    return results
      .map((result, i) => ({ ...result, rank: ranks[i] as number, response: responses[i] as string }))
      .sort((a, b) => a.rank - b.rank || a.index - b.index);
  }

  /**
   * Evaluates a conversation and keeps its state: responses are then scored as they arrive, at the cost of only their own
   * tokens. Scores are those of {@link score}. The state is freed when the ranking or the model is closed, and also when
   * memory is needed; then it is computed again.
   *
   * @param conversation a text, messages that end with the user's turn, or an object with one of them, which may also have
   *   the options
   * @throws InvalidInputError for a conversation that cannot be scored with any response; the signal's reason
   */
  async openPrompt(
    conversation: ConversationInput | (ConversationInput & PromptOptions),
    options?: PromptOptions,
  ): Promise<PromptRanking> {
    this.#assertOpen();
    const { shared, options: given } = conversationArgument<PromptOptions>(
      "openPrompt",
      conversation,
      promptOptionChecks,
      [options, promptOptionChecks],
    );
    return openPrompt(this, this.#context, shared, given);
  }

  /** The token ids of items, as they are scored. */
  tokenize(items: readonly ScoreItem[], options: TokenizeOptions = {}): Promise<TokenizedItem[]> {
    return this.tokenizer.tokenize(items, options);
  }

  /**
   * Frees the model. Pending calls reject with {@link ModelClosedError}. A second close returns the same promise.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.tokenizer.close();
      this.#closing = this.#native.close().finally(() => this.#file.close());
    }
    return this.#closing;
  }

  /** What JSON.stringify writes: {@link RewardModel.info}. */
  toJSON(): RewardModelInfo {
    return this.info;
  }

  /** As {@link RewardModel.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.closed) throw new ModelClosedError();
  }
}

function checkItemList(items: unknown, forStreams: string): void {
  const isList = readable("items", () => Array.isArray(items));
  if (!isList) throw invalidArgument("items", `an array (${forStreams} takes a stream)`, items);
}

function checkItemStream(items: unknown): void {
  const expected = readable("items", () => anIterable(items));
  if (expected !== undefined) throw invalidArgument("items", expected, items);
}

function checkItems(items: readonly unknown[], { nameItem, ignoreFields }: ScoreOptions): void {
  for (const [i, item] of items.entries()) checkItem(item, nameItem?.(i) ?? `items[${i}]`, { ignoreFields });
}

/** All results, or the first error. */
async function allOf<Result extends ScoreResult>(outcomes: AsyncIterable<Result | ScoreFailure>): Promise<Result[]> {
  const results: Result[] = [];
  for await (const outcome of outcomes) {
    if ("error" in outcome) throw outcome.error;
    results.push(outcome);
  }
  return results;
}

/**
 * The pipeline of one scoring call. Items are read ahead, tokenised in chunks on another thread and queued early enough
 * that the native side never runs dry. Outcomes come in the order of the items. Memory is bounded, also for endless input.
 */
import { isStarlingError, NativeError } from "../errors.ts";
import type { NativeModel } from "../native/addon.ts";
import { assertTokensHaveRewards, isNotFinite, nativeFailure, notFinite, tooLong } from "./failures.ts";
import { itemResult, type Wanted } from "./item-result.ts";
import { type ItemJob, RepeatedItems } from "./repeated-items.ts";
import {
  itemName,
  type LocatedItem,
  type RewardTokenizer,
  type TokenizedOutcome,
  type TokenizeOptions,
} from "./reward-tokenizer.ts";
import type { FeatureOptions, FeatureOutcome, FeatureResult, ScoreOptions, ScoreOutcome } from "./types.ts";

/** Read-ahead limits: enough to keep the model busy and to find items that share a prompt. Arrays are in memory anyway. */
export const IN_FLIGHT = { items: 512, tokens: 1 << 20 };
const IN_FLIGHT_OF_ARRAY = { items: 1 << 14, tokens: 1 << 22 };
/** Items per tokenisation call: enough to spread its overhead, few enough that the first scores come soon. */
const MAX_ITEMS_PER_CHUNK = 32;

export interface StreamContext {
  readonly native: NativeModel;
  readonly tokenizer: RewardTokenizer;
  /** Rejects once the model's file is not what was loaded. */
  assertUnchanged(): Promise<void>;
}

type Source = Iterable<unknown> | AsyncIterable<unknown>;
interface Slot {
  readonly outcome: Promise<ScoreOutcome>;
  /** Tokens that count for this item's score. */
  readonly tokens: number;
}

/** Scores items as they come; see {@link RewardModel.scoreEach}. */
export function scoreStream(
  source: Source,
  context: StreamContext,
  { perToken = false, ...options }: ScoreOptions,
): AsyncGenerator<ScoreOutcome, void, undefined> {
  return stream(source, context, perToken ? "token-rewards" : "score", options);
}

/** As {@link scoreStream}, with the features; see {@link RewardModel.featuresEach}. */
export function featureStream(
  source: Source,
  context: StreamContext,
  options: FeatureOptions,
): AsyncGenerator<FeatureOutcome, void, undefined> {
  return stream(source, context, "features", options) as AsyncGenerator<FeatureOutcome, void, undefined>;
}

async function* stream(
  source: Source,
  context: StreamContext,
  wanted: Wanted,
  { onProgress, signal, nameItem = itemName, onResult, strict, ignoreFields }: FeatureOptions,
): AsyncGenerator<ScoreOutcome | FeatureResult, void, undefined> {
  signal?.throwIfAborted();
  if (wanted === "token-rewards") assertTokensHaveRewards(context.tokenizer.settings);
  const pipeline = new Pipeline(source, context, nameItem, wanted, onResult, { strict, ignoreFields });
  const onAbort = () => pipeline.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  const total = Array.isArray(source) ? source.length : undefined;
  let itemsDone = 0;
  let tokensDone = 0;
  try {
    for (;;) {
      const slot = await pipeline.next();
      if (signal?.aborted) break;
      if (!slot) return;
      const outcome = await slot.outcome.catch((error: unknown) => {
        // A job that was cancelled by the signal is not an error of its own.
        if (signal?.aborted) return undefined;
        throw error;
      });
      if (!outcome) break;
      itemsDone += 1;
      tokensDone += slot.tokens;
      onProgress?.({
        phase: "scoring",
        ...(total === undefined ? {} : { fraction: itemsDone / total, itemsTotal: total }),
        itemsDone,
        tokensDone,
      });
      yield outcome;
    }
    throw signal?.reason;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await pipeline.stop();
  }
}

class Pipeline {
  readonly #context: StreamContext;
  readonly #nameItem: (index: number) => string;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #unread: unknown[] = [];
  readonly #slots: Slot[] = [];
  readonly #jobs = new Set<ItemJob>();
  readonly #repeated = new RepeatedItems();
  readonly #wanted: Wanted;
  readonly #rules: TokenizeOptions;
  readonly #onFeatures: FeatureOptions["onResult"];
  readonly #most: typeof IN_FLIGHT;
  #firstUnread = 0;
  #itemsInFlight = 0;
  #tokensInFlight = 0;
  readonly #stopping = new AbortController();
  #stopped = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #tokenizing = false;
  #wakeConsumer: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(
    source: Source,
    context: StreamContext,
    nameItem: (index: number) => string,
    wanted: Wanted,
    onFeatures: FeatureOptions["onResult"],
    rules: TokenizeOptions,
  ) {
    this.#rules = rules;
    this.#onFeatures = onFeatures;
    this.#context = context;
    this.#nameItem = nameItem;
    this.#wanted = wanted;
    // Features that were not taken yet are held: tens of kilobytes each.
    this.#most = Array.isArray(source) && wanted !== "features" ? IN_FLIGHT_OF_ARRAY : IN_FLIGHT;
    this.#iterator =
      Symbol.asyncIterator in source
        ? source[Symbol.asyncIterator]()
        : (source as Iterable<unknown>)[Symbol.iterator]();
    void this.#read();
  }

  /** The next item's slot in order, or undefined at the end. Rejects when the source failed. */
  async next(): Promise<Slot | undefined> {
    for (;;) {
      const slot = this.#slots.shift();
      if (slot) {
        this.#itemsInFlight -= 1;
        this.#tokensInFlight -= slot.tokens;
        this.#wake("reader");
        return slot;
      }
      if (this.#stopped) return undefined;
      const drained = this.#unread.length === 0 && !this.#tokenizing;
      if (drained && this.#failure) throw this.#failure.error;
      if (drained && this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeConsumer = resolve;
      });
    }
  }

  /** Cancels what is queued and closes the source. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopping.abort();
    for (const job of this.#jobs) job.cancel();
    this.#wake("reader");
    this.#wake("consumer");
    // A source that waits for input (a terminal) may never answer: it is closed, but not awaited.
    if (!this.#ended) void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  async #read(): Promise<void> {
    try {
      while (!this.#stopped) {
        const step = await this.#iterator.next();
        if (step.done || this.#stopped) break;
        this.#unread.push(step.value);
        this.#itemsInFlight += 1;
        void this.#tokenize();
        while (this.#full() && !this.#stopped) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#ended = true;
    this.#wake("consumer");
  }

  #full(): boolean {
    return this.#itemsInFlight >= this.#most.items || this.#tokensInFlight >= this.#most.tokens;
  }

  /** Takes what was read so far; one call at a time, to keep chunks in order. */
  async #tokenize(): Promise<void> {
    if (this.#tokenizing) return;
    this.#tokenizing = true;
    try {
      // Take what the source already has, so the first chunk is not a single item.
      await new Promise(setImmediate);
      while (this.#unread.length > 0 && !this.#stopped) {
        const chunk = this.#unread.splice(0, MAX_ITEMS_PER_CHUNK);
        const first = this.#firstUnread;
        this.#firstUnread += chunk.length;
        const [outcomes] = await Promise.all([
          this.#context.tokenizer.tokenizeEach(chunk, (i) => this.#nameItem(first + i), {
            ...this.#rules,
            findResponse: this.#wanted === "token-rewards",
            signal: this.#stopping.signal,
          }),
          this.#context.assertUnchanged(),
        ]);
        if (this.#stopped) return;
        this.#submit(outcomes, first);
        this.#wake("consumer");
      }
    } catch (error) {
      this.#failure ??= { error };
      this.#unread.length = 0;
      this.#stopReading();
    } finally {
      this.#tokenizing = false;
      this.#wake("consumer");
    }
  }

  #stopReading(): void {
    this.#ended = true;
    this.#wake("reader");
  }

  #submit(outcomes: readonly TokenizedOutcome[], first: number): void {
    const { native } = this.#context;
    const wanted = this.#wanted;
    const slots: Slot[] = [];
    const scorable: { index: number; item: LocatedItem }[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const index = first + i;
      const error = isStarlingError(outcome)
        ? outcome
        : tooLong(outcome, native.info.contextTokens, this.#nameItem(index));
      if (error) slots[i] = { outcome: Promise.resolve({ index, error }), tokens: 0 };
      else scorable.push({ index, item: outcome as LocatedItem });
    }
    // Attention is causal: tokens after the scored one cannot change the score, so they are not evaluated.
    const sequences = scorable.map(({ item }) => ({
      ids: item.ids.subarray(0, item.scorePosition + 1),
      start: wanted === "token-rewards" ? item.responseStart : undefined,
    }));
    const compute = (indices: readonly number[]): ItemJob[] =>
      wanted === "score"
        ? native.scoreEach(indices.map((i) => sequences[i]?.ids as Int32Array))
        : indices.map((i) => native.scoreTokens(sequences[i]?.ids as Int32Array, sequences[i]?.start as number));
    const features = () => native.features(sequences.map(({ ids }) => ids));
    const jobs = wanted === "features" ? features() : this.#repeated.jobs(sequences, compute);
    for (const [i, { index, item }] of scorable.entries()) {
      slots[index - first] = this.#follow(jobs[i] as ItemJob, index, item);
    }
    for (const slot of slots) this.#tokensInFlight += slot.tokens;
    this.#slots.push(...slots);
  }

  #follow(job: ItemJob, index: number, item: LocatedItem): Slot {
    this.#jobs.add(job);
    const outcome = (job.promise as Promise<number | Float32Array>).then(
      async (value) => {
        this.#jobs.delete(job);
        await this.#context.assertUnchanged();
        const result = itemResult(value, index, item, this.#wanted, this.#context.tokenizer);
        if ("features" in result) this.#onFeatures?.(result);
        return result;
      },
      async (error: unknown) => {
        this.#jobs.delete(job);
        const failure = nativeFailure(error);
        // With a changed file any failure is reported as the change.
        if (failure instanceof NativeError) await this.#context.assertUnchanged();
        if (isNotFinite(error)) return { index, error: notFinite(this.#nameItem(index), error) };
        throw failure;
      },
    );
    // The consumer may stop before this slot; its failure is then ignored.
    outcome.catch(() => {});
    return { outcome, tokens: item.scorePosition + 1 };
  }

  #wake(who: "reader" | "consumer"): void {
    const wake = who === "reader" ? this.#wakeReader : this.#wakeConsumer;
    if (who === "reader") this.#wakeReader = undefined;
    else this.#wakeConsumer = undefined;
    wake?.();
  }
}

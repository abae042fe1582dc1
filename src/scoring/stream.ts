/**
 * The pipeline of one scoring call: items are read ahead a little, tokenised in chunks on another thread, and handed to
 * the native queue early enough that it never runs dry; outcomes come out in the order of the items as soon as they
 * are there. What is held at any time is bounded, so an endless input needs constant memory.
 */
import { isStarlingError, ModelClosedError, NativeError, type StarlingError } from "../errors.ts";
import type { CancellableJob, NativeModel } from "../native/addon.ts";
import { itemName, type RewardTokenizer, type TokenizedOutcome } from "./reward-tokenizer.ts";
import type { ScoreOptions, ScoreOutcome, TokenizedItem } from "./types.ts";

/** Items that may be between the source and the consumer: enough to keep the native thread busy with short texts. */
const MAX_ITEMS_IN_FLIGHT = 64;
/** Items per tokenisation call: enough to spread its overhead, few enough that the first scores come soon. */
const MAX_ITEMS_PER_CHUNK = 16;

export interface StreamContext {
  readonly native: NativeModel;
  readonly tokenizer: RewardTokenizer;
  /** Most sequences and tokens of one native job. */
  readonly groupSequences: number;
  readonly groupTokens: number;
}

type Source = Iterable<unknown> | AsyncIterable<unknown>;

interface Slot {
  readonly outcome: Promise<ScoreOutcome>;
  /** Tokens that are evaluated for this item. */
  readonly tokens: number;
}

/** Scores items as they come; see {@link RewardModel.scoreEach}. */
export async function* scoreStream(
  source: Source,
  context: StreamContext,
  { onProgress, signal, nameItem = itemName }: ScoreOptions,
): AsyncGenerator<ScoreOutcome, void, undefined> {
  signal?.throwIfAborted();
  const pipeline = new Pipeline(source, context, nameItem);
  const onAbort = () => pipeline.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
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
      onProgress?.({ itemsDone, tokensDone });
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
  readonly #jobs = new Set<CancellableJob<Float32Array>>();
  #firstUnread = 0;
  #inFlight = 0;
  #stopped = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #tokenizing = false;
  #wakeConsumer: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(source: Source, context: StreamContext, nameItem: (index: number) => string) {
    this.#context = context;
    this.#nameItem = nameItem;
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
        this.#inFlight -= 1;
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

  /** Cancels what is queued and lets go of the source. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const job of this.#jobs) job.cancel();
    this.#wake("reader");
    this.#wake("consumer");
    // A source that waits for input (a terminal) may never answer: it is told, but not waited for.
    if (!this.#ended) void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  async #read(): Promise<void> {
    try {
      while (!this.#stopped) {
        const step = await this.#iterator.next();
        if (step.done || this.#stopped) break;
        this.#unread.push(step.value);
        this.#inFlight += 1;
        void this.#tokenize();
        while (this.#inFlight >= MAX_ITEMS_IN_FLIGHT && !this.#stopped) {
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

  /** Takes what was read so far; one call at a time, so that chunks stay in order. */
  async #tokenize(): Promise<void> {
    if (this.#tokenizing) return;
    this.#tokenizing = true;
    try {
      while (this.#unread.length > 0 && !this.#stopped) {
        const chunk = this.#unread.splice(0, MAX_ITEMS_PER_CHUNK);
        const first = this.#firstUnread;
        this.#firstUnread += chunk.length;
        const outcomes = await this.#context.tokenizer.tokenizeEach(chunk, (i) => this.#nameItem(first + i));
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
    const { groupSequences, groupTokens, native } = this.#context;
    let group: { index: number; item: TokenizedItem }[] = [];
    let tokens = 0;
    const flush = () => {
      if (group.length > 0) this.#slots.push(...this.#start(group));
      group = [];
      tokens = 0;
    };
    for (const [i, outcome] of outcomes.entries()) {
      const index = first + i;
      const error = isStarlingError(outcome)
        ? outcome
        : tooLong(outcome, native.info.contextTokens, this.#nameItem(index));
      if (error) {
        flush();
        this.#slots.push({ outcome: Promise.resolve({ index, error }), tokens: 0 });
        continue;
      }
      const item = outcome as TokenizedItem;
      const length = item.scorePosition + 1;
      if (group.length >= groupSequences || (group.length > 0 && tokens + length > groupTokens)) flush();
      group.push({ index, item });
      tokens += length;
    }
    flush();
  }

  #start(group: readonly { index: number; item: TokenizedItem }[]): Slot[] {
    // Attention is causal: what stands after the scored token cannot change the score, so it is not evaluated.
    const job = this.#context.native.score(group.map(({ item }) => item.ids.subarray(0, item.scorePosition + 1)));
    this.#jobs.add(job);
    const scores = job.promise.catch((error: unknown) => {
      throw nativeFailure(error);
    });
    void scores.catch(() => {}).finally(() => this.#jobs.delete(job));
    return group.map(({ index, item }, i) => {
      const outcome = scores.then((values) => ({
        index,
        score: values[i] as number,
        tokenCount: item.ids.length,
        truncated: item.truncated,
        scorePosition: item.scorePosition,
      }));
      // The consumer may stop before it comes to this slot; its failure is then nobody's business.
      outcome.catch(() => {});
      return { outcome, tokens: item.scorePosition + 1 };
    });
  }

  #wake(who: "reader" | "consumer"): void {
    const wake = who === "reader" ? this.#wakeReader : this.#wakeConsumer;
    if (who === "reader") this.#wakeReader = undefined;
    else this.#wakeConsumer = undefined;
    wake?.();
  }
}

function tooLong(item: TokenizedItem, contextTokens: number, where: string): StarlingError | undefined {
  const length = item.scorePosition + 1;
  if (length <= contextTokens) return undefined;
  return new NativeError(
    "ERR_CONTEXT_TOO_SMALL",
    `${where} has ${length} tokens, but the model was loaded with a context of ${contextTokens}. Load it with a context of ${length} or more.`,
  );
}

function nativeFailure(error: unknown): unknown {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === "CLOSED") return new ModelClosedError("The model was closed while it was scoring.");
  if (code === "ABORTED" || isStarlingError(error)) return error;
  return new NativeError("ERR_EVALUATION", error instanceof Error ? error.message : String(error), { cause: error });
}

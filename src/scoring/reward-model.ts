/** The public class: a loaded reward model. */
import { availableParallelism } from "node:os";
import { isStarlingError, ModelClosedError, NativeError } from "../errors.ts";
import type { NativeModel } from "../native/addon.ts";
import { type GpuChoice, openEngine } from "../native/engine.ts";
import {
  aBoolean,
  aFunction,
  anInteger,
  aSignal,
  aString,
  aThreadCount,
  checkOptions,
  oneOf,
  required,
} from "../options.ts";
import { type ChatMessage, checkItem, checkString, type ScoreItem } from "../prompt/items.ts";
import { backendDefaults, laneLayout } from "./backend-defaults.ts";
import { readModelFile } from "./model-file.ts";
import { openPrompt, type PromptOptions, type PromptRanking } from "./prompt-ranking.ts";
import { ranksOf } from "./ranks.ts";
import { RewardTokenizer, specialTokenChoices, tokenizationModes } from "./reward-tokenizer.ts";
import { type StreamContext, scoreStream } from "./stream.ts";
import type {
  BatchMode,
  LoadRewardModelOptions,
  RankedResponse,
  RewardModelInfo,
  ScoreOptions,
  ScoreOutcome,
  ScoreResult,
  TokenizedItem,
} from "./types.ts";

export const gpuChoices: readonly GpuChoice[] = ["auto", "off", "cuda", "vulkan", "metal"];
export const batchModes: readonly BatchMode[] = ["exact", "packed"];

/** Far above every batch that is useful; keeps buffers that grow with the batch within a few GiB. */
const MAX_BATCH_TOKENS = 65_536;
/** No Llama has this many layers. */
const MAX_LAYERS = 1_000;
/** Most sequences in one packed batch; more no longer help, and llama.cpp's limit is 256. */
const PACKED_SEQUENCES = 32;
/** Memory for the prompts of open rankings that had to give way in the key-value cache; beyond it they are recomputed. */
const HELD_PROMPTS_MEBIBYTES = 1024;

/**
 * Loads a GGUF made by `starling-rm convert`.
 *
 * @throws InvalidInputError for a wrong option, FileError for a file that cannot be used, NativeError when no runtime
 *   fits or llama.cpp refuses the model
 */
export async function loadRewardModel(options: LoadRewardModelOptions): Promise<RewardModel> {
  required("loadRewardModel", options, "modelPath");
  checkOptions("loadRewardModel", options, {
    modelPath: aString,
    gpu: oneOf(gpuChoices),
    gpuLayers: anInteger(0, MAX_LAYERS),
    threads: aThreadCount,
    contextTokens: anInteger(1, MAX_BATCH_TOKENS),
    batchTokens: anInteger(1, MAX_BATCH_TOKENS),
    batchMode: oneOf(batchModes),
    sharePrefixes: aBoolean,
    tokenization: oneOf(tokenizationModes),
    specialTokens: oneOf(specialTokenChoices),
    onProgress: aFunction,
    signal: aSignal,
  });
  const { modelPath, signal } = options;
  signal?.throwIfAborted();
  const file = await readModelFile(modelPath);
  const engine = await openEngine({ gpu: options.gpu ?? "auto" });
  signal?.throwIfAborted();

  const defaults = backendDefaults(engine.backend);
  const batchMode = options.batchMode ?? defaults.batchMode;
  const packed = batchMode === "packed";
  const threads = options.threads ?? availableParallelism();
  const batchTokens = options.batchTokens ?? defaults.batchTokens;
  const job = engine.addon.loadModel(
    {
      path: modelPath,
      gpuLayers: engine.backend === "cpu" ? 0 : (options.gpuLayers ?? -1),
      // Longer sequences are cut off anyway: memory for more cells would never be used.
      contextTokens: Math.min(options.contextTokens ?? file.maxTokens, file.maxTokens),
      microBatch: Math.min(batchTokens, defaults.microBatch),
      maxSequences: packed ? PACKED_SEQUENCES : 1,
      batchTokens,
      ...laneLayout(file.parameters, threads, batchMode),
      flashAttention: packed,
      kvType: defaults.kvType,
      mmap: true,
      sharePrefixes: options.sharePrefixes ?? true,
      heldMebibytes: HELD_PROMPTS_MEBIBYTES,
      head: file.head,
    },
    options.onProgress,
  );
  const native = await cancellable(job, signal, modelPath);
  const tokenizer = new RewardTokenizer(new engine.addon.Tokenizer(file.tokenizer), file.tokenizer, {
    template: file.template,
    tokenization: options.tokenization ?? file.tokenization,
    specialTokens: options.specialTokens ?? "plain",
    maxTokens: file.maxTokens,
  });
  const info: RewardModelInfo = {
    path: modelPath,
    name: file.name,
    ...(file.notice === undefined ? {} : { notice: file.notice }),
    fileType: file.fileType,
    parameters: native.info.parameters,
    size: native.info.size,
    layers: native.info.layers,
    embeddingLength: native.info.embeddingLength,
    vocabularySize: native.info.vocabularySize,
    template: file.template,
    tokenization: tokenizer.settings.tokenization,
    maxTokens: file.maxTokens,
    contextTokens: native.info.contextTokens,
    backend: engine.backend,
    devices: native.info.devices,
    threads,
    batchMode,
  };
  return new RewardModel(info, { native, tokenizer });
}

async function cancellable<T>(
  job: { promise: Promise<T>; cancel(): void },
  signal: AbortSignal | undefined,
  path: string,
): Promise<T> {
  const onAbort = () => job.cancel();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    signal?.throwIfAborted();
    if (isStarlingError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new NativeError("ERR_MODEL_LOAD", `${path} could not be loaded: ${reason}`, { cause: error, file: path });
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

const scoreOptionChecks = { onProgress: aFunction, signal: aSignal, nameItem: aFunction, perToken: aBoolean };

/**
 * A loaded reward model. All methods may be called at any time, also several at once: the work is done in order, off
 * the JS thread. Close it when it is no longer needed, or hold it with `await using`.
 */
export class RewardModel implements AsyncDisposable {
  readonly info: RewardModelInfo;
  readonly tokenizer: RewardTokenizer;
  readonly #native: NativeModel;
  readonly #context: StreamContext;
  #closing: Promise<void> | undefined;

  /** @internal Use {@link loadRewardModel}. */
  constructor(info: RewardModelInfo, context: StreamContext) {
    this.info = info;
    this.tokenizer = context.tokenizer;
    this.#native = context.native;
    this.#context = context;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Scores items.
   *
   * @returns one result for each item, in the order of the items
   * @throws InvalidInputError for the first item that cannot be scored; items of a wrong shape are found before any work
   */
  async score(items: readonly ScoreItem[], options: ScoreOptions = {}): Promise<readonly ScoreResult[]> {
    if (!Array.isArray(items)) throw new TypeError("Expected an array of items; use scoreEach for a stream of them.");
    this.#assertOpen();
    checkOptions("score", options, scoreOptionChecks);
    for (const [i, item] of items.entries()) checkItem(item, options.nameItem?.(i) ?? `items[${i}]`);
    const results: ScoreResult[] = [];
    for await (const outcome of scoreStream(items, this.#context, options)) {
      if ("error" in outcome) throw outcome.error;
      results.push(outcome);
    }
    return results;
  }

  /**
   * Scores items as they come, in constant memory: outcomes are yielded in the order of the items, and an item that
   * cannot be scored yields its error and does not stop the others.
   */
  scoreEach(
    items: Iterable<ScoreItem> | AsyncIterable<ScoreItem>,
    options: ScoreOptions = {},
  ): AsyncGenerator<ScoreOutcome, void, undefined> {
    this.#assertOpen();
    checkOptions("scoreEach", options, scoreOptionChecks);
    return scoreStream(items, this.#context, options);
  }

  /**
   * Scores several responses to one prompt.
   *
   * @returns the responses, best first; `index` says where each stood in `responses`
   */
  async rank(
    prompt: string,
    responses: readonly string[],
    options: ScoreOptions = {},
  ): Promise<readonly RankedResponse[]> {
    checkString(prompt, "prompt");
    if (!Array.isArray(responses)) throw new TypeError("Expected an array of strings for responses.");
    responses.forEach((response, i) => void checkString(response, `responses[${i}]`));
    const nameItem = options.nameItem ?? ((index: number) => `responses[${index}]`);
    const results = await this.score(
      responses.map((response) => ({ prompt, response })),
      { ...options, nameItem },
    );
    const ranks = ranksOf(results.map(({ score }) => score));
    return results
      .map((result, i) => ({ ...result, rank: ranks[i] as number, response: responses[i] as string }))
      .sort((a, b) => a.rank - b.rank || a.index - b.index);
  }

  /**
   * Evaluates a prompt and keeps its state, so that responses can be scored as they arrive at the cost of their own
   * tokens. Scores are those of {@link score}. The state is freed when the ranking or the model is closed, and also when
   * memory is needed; then it is computed again.
   *
   * @param prompt the user's prompt, or a conversation that ends before the assistant's turn
   * @throws InvalidInputError for a prompt that cannot be scored with any response
   */
  async prompt(prompt: string | readonly ChatMessage[], options: PromptOptions = {}): Promise<PromptRanking> {
    this.#assertOpen();
    checkOptions("prompt", options, { signal: aSignal });
    return openPrompt(this, this.#context, prompt, options);
  }

  /** The token ids of items, as they are scored. */
  tokenize(items: readonly ScoreItem[]): Promise<TokenizedItem[]> {
    return this.tokenizer.tokenize(items);
  }

  /**
   * Frees the model. Calls that are under way reject with {@link ModelClosedError}; a second close gives the same
   * promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#native.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.closed) throw new ModelClosedError();
  }
}

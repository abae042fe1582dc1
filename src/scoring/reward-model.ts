/** The public class: a loaded reward model. */
import { isStarlingError, ModelClosedError, NativeError } from "../errors.ts";
import { OpenedFile } from "../files/opened-file.ts";
import type { NativeModel } from "../native/addon.ts";
import { openEngine } from "../native/engine.ts";
import { aBoolean, aFunction, aNameList, aSignal, checkOptions, given, required } from "../options.ts";
import { type ChatMessage, checkItem, checkPrompt, checkString, type ScoreItem } from "../prompt/items.ts";
import { availableMemory } from "./available-memory.ts";
import { cancellable } from "./cancellable.ts";
import { checkFitDate, readHeadFor } from "./choose-head.ts";
import { planKernels } from "./kernel-plan.ts";
import { loadOptionChecks } from "./load-options.ts";
import { readModelFile } from "./model-file.ts";
import { assertPlacementFits, type Placement, placeModel } from "./placement.ts";
import { openPrompt, type PromptOptions, type PromptRanking } from "./prompt-ranking.ts";
import { ranksOf } from "./ranks.ts";
import { openTokenizer, type RewardTokenizer, type TokenizeOptions } from "./reward-tokenizer.ts";
import { featureStream, type StreamContext, scoreStream } from "./stream.ts";
import type {
  FeatureOptions,
  FeatureOutcome,
  FeatureResult,
  LoadRewardModelOptions,
  RankedResponse,
  RewardModelInfo,
  ScoreFailure,
  ScoreOptions,
  ScoreOutcome,
  ScoreResult,
  TokenizedItem,
} from "./types.ts";

/**
 * Loads a GGUF made by `starling-rm convert`.
 *
 * @throws InvalidInputError for a wrong option, FileError for a file that cannot be used or changes meanwhile, NativeError
 *   when no runtime fits or llama.cpp refuses the model
 */
export async function loadRewardModel(options: LoadRewardModelOptions): Promise<RewardModel> {
  required("loadRewardModel", options, "modelPath");
  checkOptions("loadRewardModel", options, loadOptionChecks);
  const { modelPath, signal } = options;
  signal?.throwIfAborted();
  // What is checked and what llama.cpp loads is one open file, whatever takes its place at the path.
  const opened = await OpenedFile.open(modelPath);
  try {
    return await loadOpened(opened, options);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function loadOpened(opened: OpenedFile, options: LoadRewardModelOptions): Promise<RewardModel> {
  const { modelPath, signal } = options;
  const file = await readModelFile(opened);
  const engine = await openEngine({ gpu: options.gpu ?? "auto" });
  signal?.throwIfAborted();
  const tokenizer = openTokenizer(engine.addon, file, options);
  const { headPath, foreignHead } = options;
  const headFile =
    headPath === undefined
      ? undefined
      : await readHeadFor(headPath, modelPath, file, tokenizer.settings.tokenization, foreignHead);
  const { head, fit } = headFile ?? file;
  checkFitDate({ ...file, fit }, tokenizer.settings.templateDate);

  const placement = placeModel(file, options, engine);
  if (options.checkMemory !== false) assertPlacementFits(modelPath, placement, availableMemory());
  const { threads, batchMode, ...plan } = placement.plan;
  const kernels = await planKernels(
    {
      path: modelPath,
      samples: file.weightSamples,
      plan: placement.plan,
      layers: file.shape.layers,
      runtime: engine.runtimeInfo,
    },
    (check) => engine.addon.checkKernels(check),
  ).catch((error: unknown) => {
    throw loadFailure(error, modelPath, placement);
  });
  signal?.throwIfAborted();
  const { rearranged, rowMultiple } = kernels;
  const { descriptor } = opened;
  const source = { path: modelPath, ...(descriptor === undefined ? {} : { descriptor }) };
  const job = engine.addon.loadModel({ ...plan, ...source, rearranged, rowMultiple, head }, options.onProgress);
  const native = await cancellable(job, signal, (error) => loadFailure(error, modelPath, placement));
  try {
    // The header that was checked, and the weights that were read.
    await opened.assertUnchanged();
  } catch (error) {
    await native.close();
    throw error;
  }
  const info: RewardModelInfo = {
    path: modelPath,
    name: file.name,
    ...(file.notice === undefined ? {} : { notice: file.notice }),
    fileType: file.fileType,
    ...given({ typeNotice: file.typeNotice }),
    parameters: native.info.parameters,
    size: native.info.size,
    layers: native.info.layers,
    embeddingLength: native.info.embeddingLength,
    vocabularySize: native.info.vocabularySize,
    ...given({ trunkSha256: file.trunkSha256 }),
    ...(headPath === undefined || headFile === undefined
      ? {}
      : { head: { path: headPath, name: headFile.name, ...given({ trunkSha256: headFile.trunkSha256 }) } }),
    ...(fit === undefined ? {} : { fit }),
    profile: file.profile,
    template: file.template,
    tokenization: tokenizer.settings.tokenization,
    maxTokens: file.maxTokens,
    contextTokens: native.info.contextTokens,
    backend: placement.backend,
    backendReasons: [
      ...engine.reasons,
      ...(placement.reason === undefined ? [] : [{ backend: engine.backend, reason: placement.reason }]),
    ],
    devices: native.info.devices,
    ...(engine.runtimeInfo.cpuLibrary === undefined ? {} : { cpuLibrary: engine.runtimeInfo.cpuLibrary }),
    kernels: kernels.kernels,
    kernelReasons: kernels.reasons,
    gpuLayers: placement.fit?.layers ?? 0,
    threads,
    batchMode,
  };
  // Who wants the weights in memory wants a model that no longer depends on its file.
  const assertUnchanged = options.mmap === false ? async () => {} : () => opened.assertUnchanged();
  return new RewardModel(info, { native, tokenizer, assertUnchanged }, head, opened);
}

/** How llama.cpp and the drivers' libraries say that memory ran out. */
const OUT_OF_MEMORY = /unable to allocate|failed to allocate|out of memory|OutOfDeviceMemory|cudaMalloc failed/i;

function loadFailure(error: unknown, path: string, { fit }: Placement): unknown {
  if (isStarlingError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const details = { cause: error, file: path };
  if (!OUT_OF_MEMORY.test(reason))
    return new NativeError("ERR_MODEL_LOAD", `${path} could not be loaded: ${reason}`, details);
  // Something else took the memory meanwhile, or the estimate was too low.
  const advice = fit === undefined ? "close other programs" : `place fewer layers than ${fit.gpuLayers} (gpuLayers)`;
  const what = `${path} could not be loaded, for memory ran out: ${reason.replace(/\.$/, "")}`;
  return new NativeError("ERR_OUT_OF_MEMORY", `${what}. Take a smaller quantisation, or ${advice}.`, details);
}

const streamChecks = {
  onProgress: aFunction,
  signal: aSignal,
  nameItem: aFunction,
  strict: aBoolean,
  ignoreFields: aNameList,
};
const scoreOptionChecks = { ...streamChecks, perToken: aBoolean };
const featureOptionChecks = { ...streamChecks, onResult: aFunction };

/**
 * A loaded reward model. All methods may be called at any time, also several at once: the work is done in order, off
 * the JS thread. Close it when it is no longer needed, or hold it with `await using`.
 */
export class RewardModel implements AsyncDisposable {
  readonly info: RewardModelInfo;
  readonly tokenizer: RewardTokenizer;
  readonly #native: NativeModel;
  readonly #context: StreamContext;
  readonly #head: Float32Array;
  #closing: Promise<void> | undefined;

  /** @internal The file that it was loaded from; closed with the model. */
  readonly file: OpenedFile;

  /** @internal Use {@link loadRewardModel}. */
  constructor(info: RewardModelInfo, context: StreamContext, head: Float32Array, file: OpenedFile) {
    this.file = file;
    this.info = info;
    this.tokenizer = context.tokenizer;
    this.#native = context.native;
    this.#context = context;
    this.#head = head;
  }

  /** float32[embeddingLength]: the reward head in use; a copy. */
  get head(): Float32Array {
    return this.#head.slice();
  }

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
    if (!Array.isArray(items)) throw new TypeError("Expected an array of items; use scoreEach for a stream of them.");
    this.#assertOpen();
    checkOptions("score", options, scoreOptionChecks);
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
    checkOptions("scoreEach", options, scoreOptionChecks);
    return scoreStream(items, this.#context, options);
  }

  /**
   * Scores items and gives the hidden states that the head made the scores of: what another linear head can be fitted to.
   *
   * @returns one result for each item, in the order of the items
   * @throws as {@link score}
   */
  async features(items: readonly ScoreItem[], options: FeatureOptions = {}): Promise<readonly FeatureResult[]> {
    if (!Array.isArray(items))
      throw new TypeError("Expected an array of items; use featuresEach for a stream of them.");
    this.#assertOpen();
    checkOptions("features", options, featureOptionChecks);
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
    checkOptions("featuresEach", options, featureOptionChecks);
    return featureStream(items, this.#context, options);
  }

  /**
   * Scores several responses to one prompt.
   *
   * @param prompt what the user says, or a conversation that ends with the user's turn
   * @returns the responses, best first; `index` says where each stood in `responses`
   */
  async rank(
    prompt: string | readonly ChatMessage[],
    responses: readonly string[],
    options: ScoreOptions = {},
  ): Promise<readonly RankedResponse[]> {
    checkPrompt(prompt, "prompt", options);
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
  tokenize(items: readonly ScoreItem[], options: TokenizeOptions = {}): Promise<TokenizedItem[]> {
    return this.tokenizer.tokenize(items, options);
  }

  /**
   * Frees the model. Calls that are under way reject with {@link ModelClosedError}; a second close gives the same
   * promise.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.tokenizer.close();
      this.#closing = this.#native.close().finally(() => this.file.close());
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.closed) throw new ModelClosedError();
  }
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

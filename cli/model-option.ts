/** Options that name and load a model, shared by all commands that need one. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  embeddedModelPath,
  type GpuChoice,
  type LoadRewardModelOptions,
  loadRewardModel,
  modelNotices,
  type RewardModel,
  type SpecialTokens,
  type SplitMode,
  type TokenizationMode,
} from "../src/index.ts";
import type { CommandContext } from "./context.ts";
import { shownDownload } from "./download-status.ts";
import { UsageError } from "./errors.ts";
import {
  batchModes,
  gpuChoices,
  isOnHub,
  kernelChoices,
  MAX_BATCH_TOKENS,
  MAX_DEVICES,
  MAX_LAYERS,
  MAX_THREADS,
  modelPathOf,
  specialTokenChoices,
  splitModes,
  tokenizationModes,
} from "./library.ts";
import { templateDate, wholeNumber } from "./option-values.ts";
import { progressText } from "./progress-bar.ts";

/** `--model tiny`: the demonstration model that ships with the package. A file of that name is `./tiny`. */
export const EMBEDDED_MODEL = "tiny";
const MODEL_VARIABLE = "STARLING_RM_MODEL";

export interface ModelOptions {
  readonly model?: string;
  readonly head?: string;
  readonly foreignHead?: true;
  readonly tokenization?: TokenizationMode;
  readonly specialTokens?: SpecialTokens;
  readonly templateDate?: string;
}

export interface EngineOptions {
  readonly gpu?: GpuChoice;
  readonly gpuLayers?: number | "auto" | "all";
  readonly splitMode?: SplitMode;
  readonly mainDevice?: number;
  readonly threads?: number;
  readonly ctx?: number;
  readonly batch?: number;
  readonly batchMode?: LoadRewardModelOptions["batchMode"] & string;
  readonly kernels?: LoadRewardModelOptions["kernels"] & string;
  readonly prefixSharing?: boolean;
  readonly memoryCheck?: boolean;
  /** False with --no-mmap; otherwise true, and the library decides. */
  readonly mmap?: boolean;
}

/** --model, --head where a head is used, and how text becomes tokens. */
export function addModelOptions(command: Command, { head = true }: { head?: boolean } = {}): Command {
  command
    .optionsGroup("Model:")
    .option(
      "-m, --model <file>",
      `GGUF file, hf:OWNER/NAME/FILE.gguf, or "${EMBEDDED_MODEL}" for the demonstration model [$${MODEL_VARIABLE}]`,
    );
  if (head)
    command
      .option("--head <file>", "head file made by fit, used instead of the model's own head")
      .option("--foreign-head", "accept a head fitted to another model; its scores may mean nothing");
  return addTokenOptions(command);
}

/** How text becomes tokens. */
export function addTokenOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--tokenization <mode>", "transformers tokenizer to reproduce (default: the model's)").choices(
        tokenizationModes,
      ),
    )
    .addOption(
      new Option(
        "--special-tokens <how>",
        "how to treat special tokens inside prompts and responses: as plain text, or as the model card's code does " +
          "(default: plain)",
      ).choices(specialTokenChoices),
    )
    .option(
      "--template-date <YYYY-MM-DD>",
      "date for chat templates that print one (required by Llama 3.2; Llama 3.1 has its own)",
      templateDate,
    );
}

/** Where and how the model runs. */
export function addEngineOptions(command: Command): Command {
  return command
    .optionsGroup("Engine:")
    .addOption(new Option("--gpu <backend>", "backend that runs the layers (default: auto)").choices(gpuChoices))
    .option(
      "--gpu-layers <n>",
      'layers on the GPU: a number, "all", or "auto" for as many as fit (default: auto)',
      layers,
    )
    .addOption(
      new Option(
        "--split-mode <mode>",
        "several GPUs: whole layers on each (layer), or only the main device (none) (default: layer)",
      ).choices(splitModes),
    )
    .option(
      "--main-device <index>",
      "index of the main GPU, as listed by doctor (default: 0)",
      wholeNumber(0, MAX_DEVICES - 1),
    )
    .option(
      "--threads <n>",
      "CPU threads (default: all cores; on Macs, the performance cores)",
      wholeNumber(1, MAX_THREADS),
    )
    .option(
      "--ctx <tokens>",
      "maximum tokens of a text (default and upper bound: the model's limit, usually 2048)",
      wholeNumber(1, MAX_BATCH_TOKENS),
    )
    .option("--batch <tokens>", "tokens per batch (default: depends on the backend)", wholeNumber(1, MAX_BATCH_TOKENS))
    .addOption(
      new Option(
        "--batch-mode <mode>",
        "exact: bit-identical scores in any batch; packed: faster on GPUs (default: exact on the CPU, else packed)",
      ).choices(batchModes),
    )
    .addOption(
      new Option(
        "--kernels <which>",
        "CPU kernels; auto: our own prefill kernels where they are faster; off: llama.cpp's only (default: auto)",
      ).choices(kernelChoices),
    )
    .option("--no-prefix-sharing", "compute every text in full: same scores, slower; for comparison")
    .option("--no-memory-check", "load the model even if memory seems too small")
    .option(
      "--no-mmap",
      "read the weights into memory instead of mapping the file, which may change on network folders",
    );
}

/** Printed if --template-date has no effect. */
export const DATE_NOTE = "note: this model's chat template prints no date: --template-date has no effect";

const layerNumber = wholeNumber(0, MAX_LAYERS);

function layers(text: string): number | "auto" | "all" {
  if (text === "auto" || text === "all") return text;
  try {
    return layerNumber(text);
  } catch {
    throw new InvalidArgumentError(`Expected "auto", "all" or a whole number from 0 to ${MAX_LAYERS}.`);
  }
}

/** The path of the requested model; the demonstration model is converted on first use. */
export async function modelPath({ model }: ModelOptions, context: CommandContext): Promise<string> {
  const named = model ?? process.env[MODEL_VARIABLE];
  if (named === undefined || named === "") {
    throw new UsageError(
      `no model given: use --model FILE.gguf or set ${MODEL_VARIABLE} (starling-rm convert makes the file from a ` +
        `checkpoint; --model ${EMBEDDED_MODEL} is a small demonstration)`,
    );
  }
  return localModel(named, context);
}

/** The path of the model's file: the demonstration model is made, one on the hub is downloaded to the cache. */
export async function localModel(name: string, context: CommandContext): Promise<string> {
  if (name === EMBEDDED_MODEL) return embeddedModel(context);
  const { signal, terminal } = context;
  if (!isOnHub(name)) return modelPathOf(name, { signal });
  return shownDownload(terminal, (onProgress) => modelPathOf(name, { signal, onProgress }));
}

export async function embeddedModel({ signal, terminal }: CommandContext, type?: string): Promise<string> {
  terminal.showStatus(() => "preparing the demonstration model");
  try {
    return await embeddedModelPath({ signal, ...(type === undefined ? {} : { type }) });
  } finally {
    terminal.endStatus();
  }
}

export async function loadModel(
  path: string,
  options: Omit<ModelOptions, "model"> & EngineOptions,
  { signal, terminal }: CommandContext,
): Promise<RewardModel> {
  const started = performance.now();
  let fraction = 0;
  terminal.showStatus((columns) =>
    progressText({ label: "loading model", fraction, seconds: (performance.now() - started) / 1000 }, columns),
  );
  try {
    const model = await loadRewardModel({
      ...loadSettings(options),
      modelPath: path,
      signal,
      onProgress: (progress) => {
        fraction = progress.fraction;
        terminal.redrawStatus();
      },
    });
    for (const notice of modelNotices(model.info)) terminal.note(`note: ${notice}`);
    if (options.templateDate !== undefined && model.tokenizer.settings.templateDate === undefined)
      terminal.note(DATE_NOTE);
    return model;
  } finally {
    terminal.endStatus();
  }
}

/** The library's names for all options of a model but its path. */
export function loadSettings(
  options: Omit<ModelOptions, "model"> & EngineOptions,
): Omit<LoadRewardModelOptions, "modelPath" | "onProgress" | "signal"> {
  const { head, foreignHead, ...rest } = options;
  return { ...engineSettings(options), ...given({ headPath: head, foreignHead }), ...tokenSettings(rest) };
}

/** The options of {@link addTokenOptions}, as the library takes them. */
export function tokenSettings(options: Omit<ModelOptions, "model" | "head" | "foreignHead">) {
  const { tokenization, specialTokens, templateDate } = options;
  return given({ tokenization, specialTokens, templateDate });
}

/** The library's names for the options of {@link addEngineOptions}. */
export function engineSettings(options: EngineOptions): Partial<LoadRewardModelOptions> {
  const {
    gpu,
    gpuLayers,
    splitMode,
    mainDevice,
    threads,
    ctx,
    batch,
    batchMode,
    kernels,
    prefixSharing,
    memoryCheck,
    mmap,
  } = options;
  return {
    ...given({ gpu, gpuLayers, splitMode, mainDevice, threads, contextTokens: ctx, batchTokens: batch, batchMode }),
    ...given({ kernels, sharePrefixes: prefixSharing, checkMemory: memoryCheck }),
    ...(mmap === false ? { mmap } : {}),
  };
}

/** The entries that have a value: options that were not given are not passed on. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

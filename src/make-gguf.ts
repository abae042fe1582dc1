/** Makes GGUF files: combines the converter and llama.cpp's quantiser. */

import { availableParallelism } from "node:os";
import { dirname, toNamespacedPath } from "node:path";
import { MAX_DOWNLOADS } from "./bounds.ts";
import { convertCheckpoint } from "./convert/convert.ts";
import {
  aPartSize,
  type ConvertOptions as CheckpointOptions,
  conversionChecks,
  type profileChoices,
  type QuantizeRows,
  weightType,
} from "./convert/options.ts";
import type { ScorePositionChoice } from "./convert/score-position.ts";
import { FileError, NativeError } from "./errors.ts";
import { freeBytes } from "./files/disk-room.ts";
import { unwritable } from "./files/file-errors.ts";
import { type OutputFile, withOutput } from "./files/output-file.ts";
import { isSameFile } from "./files/same-file.ts";
import { copyGguf } from "./gguf/copy.ts";
import { DEFAULT_ALIGNMENT, type GgufHeader } from "./gguf/header.ts";
import { OpenedGguf } from "./gguf/opened-gguf.ts";
import { readGguf } from "./gguf/reader.ts";
import { readRewardMetadata } from "./gguf/reward-metadata.ts";
import { convertibleTypeNames, fileTypeByName, tensorTypeByName } from "./gguf/types.ts";
import { describeWeightTypes, type WeightTypes } from "./gguf/weight-types.ts";
import { openModelFolder } from "./hub/model-folder.ts";
import { type HubOptions, hubChecks } from "./hub/settings.ts";
import { type Engine, openEngine } from "./native/engine.ts";
import { LLAMA_VERSION } from "./native/runtime-folder.ts";
import { aBoolean, anInteger, aSignal, aString, aThreadCount, checkOptions, takesOnlyOptions } from "./options.ts";
import type { ConvertProgress, DownloadProgress } from "./progress.ts";
import type { TokenizationMode } from "./vocabulary/tokenization.ts";

/** Options of convert(). */
export interface ConvertOptions extends HubOptions {
  /**
   * A folder with config.json, weights and tokenizer files; or "hf:OWNER/NAME[@REVISION]", which is downloaded first. An adapter of
   * PEFT (LoRA) is merged into its base.
   */
  readonly checkpoint: string;
  /**
   * For an adapter: the folder or "hf:OWNER/NAME[@REVISION]" of the model that it adapts; default: what its adapter_config.json
   * names.
   */
  readonly base?: string;
  /** A folder or "hf:OWNER/NAME" to take the tokenizer's files from; default: the checkpoint itself. */
  readonly tokenizer?: string;
  /** For a repository on the hub: a branch, tag or commit; default "main". */
  readonly revision?: string;
  /**
   * For a repository on the hub: download one weight file at a time and remove it once converted; at most two are on disk
   * at a time. Default false.
   */
  readonly stream?: boolean;
  /** Files to download in parallel, 1 to 16; default 4. */
  readonly concurrency?: number;
  /** The GGUF to write; it appears only when it is complete. */
  readonly output: string;
  /** One of {@link weightTypes}; default "q4_k_m". */
  readonly type?: string;
  /** The tokenisation stored in the file; default "fast-4.41". */
  readonly tokenization?: TokenizationMode;
  /** The kind of reward model, for example "starling-rm-34b"; default "auto": what the checkpoint's own files show. */
  readonly profile?: (typeof profileChoices)[number];
  /**
   * Where the score is read: "last", "first-padding" (transformers up to 4.48), "last-non-padding" (from 4.49 on),
   * "end-of-padding", or "last-of-token:ID". Default: as the profile's reference does.
   */
  readonly scorePosition?: ScorePositionChoice;
  /**
   * Whether scores are normalised, (reward - mean) / std, with the mean and std of the checkpoint. Default: as its own code does,
   * which is raw in OpenRLHF, and what do_normalize in config.json says in safe-rlhf.
   */
  readonly normalizeReward?: boolean;
  /** Origin of the checkpoint, stored in the file, for example "Nexusflow/Starling-RM-34B" and a commit. */
  readonly source?: {
    /** 1 to 500 characters; default: the repository's name, for a checkpoint on the hub. */
    readonly name?: string;
    /** 1 to 500 characters; default: the commit, for a checkpoint on the hub. */
    readonly revision?: string;
  };
  /**
   * Most bytes of a file, unless one tensor needs more: a larger model becomes NAME-00001-of-0000N.gguf and so on, which llama.cpp opens
   * by the first. Default: one file.
   */
  readonly splitSize?: number;
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  /** Reports the phases "downloading" and "converting", at most once for every 8 MiB or so. */
  readonly onProgress?: (progress: DownloadProgress | ConvertProgress) => void;
  /**
   * Continue an interrupted conversion to the same output after checking its part, and keep finished work if this one is
   * interrupted. Default false: nothing is kept, unless the process is killed.
   */
  readonly resume?: boolean;
  /** Stops the conversion; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What was written. `typeFallbacks` and `typeNotice` list matrices that could not have the requested type. */
export interface ConvertResult extends WeightTypes {
  /** The file, as given; of a file in parts, the first part. */
  readonly output: string;
  /** All parts, if there are several. */
  readonly parts?: readonly string[];
  /** Size of the file, or of all parts. */
  readonly bytes: number;
  /** Number of tensors in the file. */
  readonly tensors: number;
  /** A note if the checkpoint has a chat template that its profile does not use. */
  readonly templateNotice?: string;
  /** What was chosen, left out or decided by a rule: sentences. Absent: nothing. */
  readonly notices?: readonly string[];
}

/** Options of quantize(). */
export interface QuantizeModelOptions {
  /** A GGUF with f32, f16 or bf16 weights, made by `starling-rm convert`; of one in parts, the first. */
  readonly input: string;
  /** The GGUF to write; it appears only when it is complete. */
  readonly output: string;
  /** One of {@link weightTypes}. */
  readonly type: string;
  /** As in ConvertOptions. */
  readonly splitSize?: number;
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  /** Default: all cores. */
  readonly threads?: number;
  /** Stops before or after llama.cpp's quantiser, which itself cannot be interrupted. */
  readonly signal?: AbortSignal;
}

/** The values of `type`. */
export const weightTypes: readonly string[] = convertibleTypeNames();

/** What a disk that llama.cpp filled has left at most: less than it writes at once. */
const FULL_BYTES = 1024 * 1024;

/** The smallest type that ranks responses nearly as f16 does. */
export const DEFAULT_TYPE = "q4_k_m";

/**
 * Converts a checkpoint folder to one GGUF with the reward head inside.
 *
 * @throws FileError that names what is missing, surplus or inconsistent in the checkpoint
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  takesOnlyOptions("convert", arguments);
  options = checkConvertOptions(options);
  // Check what would fail and lock the output before hours of downloading.
  const { output, overwrite = false, signal } = options;
  return withOutput(output, { overwrite, signal }, (claimed) => convertTo(claimed, options));
}

function checkConvertOptions(options: ConvertOptions): ConvertOptions {
  const checked = checkOptions(
    "convert",
    options,
    {
      ...conversionChecks,
      ...hubChecks,
      checkpoint: aString,
      revision: aString,
      tokenizer: aString,
      base: aString,
      stream: aBoolean,
      concurrency: anInteger(1, MAX_DOWNLOADS),
    },
    ["checkpoint", "output"],
  );
  weightType(checked.type ?? DEFAULT_TYPE);
  return checked;
}

/** {@link convert}, into an output that the caller has locked. */
export async function convertTo(claimed: OutputFile, options: ConvertOptions): Promise<ConvertResult> {
  const { checkpoint, tokenizer, base, revision, stream, concurrency, endpoint, cacheFolder, token, ...rest } = options;
  const { onProgress, type = DEFAULT_TYPE, signal, ...others } = rest;
  const hub = { tokenizer, base, revision, stream, concurrency, endpoint, cacheFolder, token, signal, onProgress };
  const { folder, source, notices: found = [] } = await openModelFolder(checkpoint, hub);
  const checkpointOptions: CheckpointOptions = {
    ...others,
    ...(signal === undefined ? {} : { signal }),
    checkpoint: folder,
    type,
    source: { ...source, ...options.source },
    quantizeRows: rowQuantizer(availableParallelism()),
    quantizerVersion: LLAMA_VERSION,
    ...(onProgress === undefined ? {} : { onProgress }),
  };
  const { sourceSha256: _, notices: own = [], ...result } = await convertCheckpoint(checkpointOptions, claimed);
  const notices = [...found, ...own];
  return notices.length === 0 ? result : { ...result, notices };
}

/**
 * Makes a smaller GGUF with llama.cpp's own quantiser. The reward head is metadata, so it stays float32.
 *
 * @throws FileError for an input that is not a reward model, or is already quantised
 */
export async function quantize(options: QuantizeModelOptions): Promise<ConvertResult> {
  takesOnlyOptions("quantize", arguments);
  options = checkOptions(
    "quantize",
    options,
    {
      input: aString,
      output: aString,
      type: aString,
      splitSize: aPartSize,
      overwrite: aBoolean,
      threads: aThreadCount,
      signal: aSignal,
    },
    ["input", "output", "type"],
  );
  weightType(options.type);
  const { output, overwrite = false, signal } = options;
  return withOutput(output, { overwrite, signal }, async (claimed) => {
    const source = await OpenedGguf.open(options.input);
    try {
      return await quantizeTo(claimed, source, options);
    } finally {
      await source.close();
    }
  });
}

async function quantizeTo(
  claimed: OutputFile,
  source: OpenedGguf,
  options: QuantizeModelOptions,
): Promise<ConvertResult> {
  const { input, output, signal } = options;
  checkQuantizable(await readGguf(source), input);
  if (await isSameFile(input, claimed.target.path)) throw unwritable(output, "it is the file being read");
  const file = await claimed.create();
  try {
    const threads = options.threads ?? availableParallelism();
    await runQuantizer(input, file.path, weightType(options.type).id, threads).catch(async (error: unknown) => {
      // A changed file may cause any failure.
      await source.assertUnchanged();
      // llama.cpp only reports that its stream failed.
      const free = await freeBytes(dirname(file.path));
      throw free !== undefined && free < FULL_BYTES ? unwritable(output, "the disk is full", error) : error;
    });
    // llama.cpp's quantiser only takes paths.
    await source.assertUnchanged();
    const written = await readGguf(file.path);
    readRewardMetadata(written, file.path);
    signal?.throwIfAborted();
    const { overwrite = false, splitSize } = options;
    if (splitSize !== undefined && written.fileSize > splitSize) {
      const copied = await copyGguf(claimed, file.path, { splitSize, overwrite, signal });
      return { ...copied, tensors: written.tensors.length, ...describeWeightTypes(written) };
    }
    const bytes = await claimed.publish(file);
    return { output, bytes, tensors: written.tensors.length, ...describeWeightTypes(written) };
  } finally {
    await file.discard();
  }
}

function checkQuantizable(gguf: GgufHeader, input: string): void {
  const { fileType } = readRewardMetadata(gguf, input);
  // llama.cpp's quantiser copies general.alignment and writes tensors at multiples of 32 whatever it says.
  if (gguf.alignment !== DEFAULT_ALIGNMENT)
    throw new FileError(
      "ERR_UNSUPPORTED_TYPE",
      `${input} has general.alignment = ${gguf.alignment}; only files with ${DEFAULT_ALIGNMENT} can be quantised. ` +
        "Convert the checkpoint again, directly to the type.",
      { file: input, field: "general.alignment" },
    );
  if (fileTypeByName(fileType)?.kind === "direct") return;
  throw new FileError(
    "ERR_UNSUPPORTED_TYPE",
    `${input} is already quantised (${fileType}); quantising it again loses more accuracy than quantising the original once. ` +
      "Start from an f32, f16 or bf16 conversion.",
    { file: input },
  );
}

/** Opens the runtime with the first rows: float types need none. */
export function rowQuantizer(threads: number): QuantizeRows {
  let engine: Promise<Engine> | undefined;
  return async ({ from, to, rowLength, rows }) => {
    engine ??= openEngine({ gpu: "off" });
    const { addon } = await engine;
    return addon.quantizeRows({ from: tensorTypeByName(from).id, to: to.id, rowLength, threads }, rows);
  };
}

async function runQuantizer(input: string, output: string, ftype: number, threads: number): Promise<void> {
  const { addon } = await openEngine({ gpu: "off" });
  try {
    // Windows opens longer paths than 260 characters in this form only.
    await addon.quantize({ input: toNamespacedPath(input), output: toNamespacedPath(output), ftype, threads });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NativeError("ERR_QUANTIZE", `${input} could not be quantised: ${reason}`, { cause: error, file: input });
  }
}

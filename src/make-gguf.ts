/** Makes a GGUF of a checkpoint: the converter, with rows quantised by llama.cpp. */

import { availableParallelism } from "node:os";
import { MAX_DOWNLOADS } from "./bounds.ts";
import { convertCheckpoint } from "./convert/convert.ts";
import {
  type ConvertOptions as CheckpointOptions,
  conversionChecks,
  type profileChoices,
  type QuantizeRows,
  weightType,
} from "./convert/options.ts";
import type { ScorePositionChoice } from "./convert/score-position.ts";
import { type OutputFile, withOutput } from "./files/output-file.ts";
import { convertibleTypeNames, tensorTypeByName } from "./gguf/types.ts";
import type { WeightTypes } from "./gguf/weight-types.ts";
import { openModelFolder } from "./hub/model-folder.ts";
import { type HubOptions, hubChecks } from "./hub/settings.ts";
import { type Engine, openEngine } from "./native/engine.ts";
import { LLAMA_VERSION } from "./native/runtime-folder.ts";
import { aBoolean, anInteger, aString, checkOptions, takesOnlyOptions } from "./options.ts";
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

/** The values of `type`. */
export const weightTypes: readonly string[] = convertibleTypeNames();

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

/** Opens the runtime with the first rows: float types need none. */
export function rowQuantizer(threads: number): QuantizeRows {
  let engine: Promise<Engine> | undefined;
  return async ({ from, to, rowLength, rows }) => {
    engine ??= openEngine({ gpu: "off" });
    const { addon } = await engine;
    return addon.quantizeRows({ from: tensorTypeByName(from).id, to: to.id, rowLength, threads }, rows);
  };
}

/** Writes another reward head for a model: to a head file, or to a copy of the model. */
import { FileError, InvalidInputError, invalidArgument } from "./errors.ts";
import { unwritable } from "./files/file-errors.ts";
import { type OutputFile, withOutput } from "./files/output-file.ts";
import { copyTensors } from "./gguf/copy.ts";
import { text, u32 } from "./gguf/entries.ts";
import { aFitRecord, type FitRecord, fitEntries } from "./gguf/fit-record.ts";
import { writeHeadFile } from "./gguf/head-file.ts";
import { formatVersionOf, HEAD_KEYS, headEntries } from "./gguf/head-metadata.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { OpenedGguf } from "./gguf/opened-gguf.ts";
import { readGguf } from "./gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "./gguf/reward-metadata.ts";
import { serializeHeader } from "./gguf/serialize.ts";
import { STARLING_KEYS } from "./gguf/starling-keys.ts";
import { isForeign, shortTrunk } from "./gguf/trunk.ts";
import { describeWeightTypes } from "./gguf/weight-types.ts";
import type { ConvertResult } from "./make-gguf.ts";
import { modelPathOf } from "./model-path.ts";
import {
  aBoolean,
  aFunction,
  aSignal,
  aString,
  type Check,
  checkOptions,
  given,
  oneOf,
  takesOnlyOptions,
} from "./options.ts";
import type { WriteProgress } from "./progress.ts";
import { aRewardHead, inputLength, type RewardHead } from "./reward-head.ts";
import { tokenizationModes } from "./scoring/open-tokenizer.ts";
import type { TokenizationMode } from "./scoring/types.ts";

/** Options of writeHead(). */
export interface WriteHeadOptions {
  /** The GGUF that the head is for. */
  readonly modelPath: string;
  /** The file to write; it appears only when it is complete. */
  readonly output: string;
  /** Takes as many numbers as the model has hidden dimensions. */
  readonly head: RewardHead;
  /** The tokenization that it was fitted with; default: the model's. */
  readonly tokenization?: TokenizationMode;
  /** How it was fitted; kept in the file. */
  readonly fit?: FitRecord;
  /**
   * Write a head even if `fit` says that it was fitted to another model's trunk; default false. The head file still names
   * that trunk.
   */
  readonly foreignHead?: boolean;
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  /** Stops the work; the promise rejects with the signal's reason, and the output does not appear. */
  readonly signal?: AbortSignal;
}

/** The head file that was written. */
export interface WrittenHead {
  /** As it was named. */
  readonly output: string;
  /** Of the file. */
  readonly bytes: number;
}

/** Options of replaceHead(). */
export interface ReplaceHeadOptions extends WriteHeadOptions {
  /** Reports the phase "writing", once for every 8 MiB or so. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

const checks: Readonly<Record<string, Check>> = {
  modelPath: aString,
  output: aString,
  head: aRewardHead,
  tokenization: oneOf(tokenizationModes),
  fit: aFitRecord,
  foreignHead: aBoolean,
  overwrite: aBoolean,
  signal: aSignal,
};

/**
 * Writes a head file, for `headPath` of loadRewardModel and `--head` of the command line.
 *
 * @throws FileError for a model that cannot be read, or an output that cannot be written; InvalidInputError for a head of
 *   another length than the model's
 */
export async function writeHead(options: WriteHeadOptions): Promise<WrittenHead> {
  takesOnlyOptions("writeHead", arguments);
  options = check("writeHead", options, checks);
  const { output, overwrite = false, signal } = options;
  signal?.throwIfAborted();
  const modelPath = await modelPathOf(options.modelPath, { signal });
  return withOutput(output, { overwrite, signal }, (claimed) => writeHeadTo(claimed, { ...options, modelPath }));
}

/** {@link writeHead}, into a file that the caller holds. */
export async function writeHeadTo(claimed: OutputFile, options: WriteHeadOptions): Promise<WrittenHead> {
  const { modelPath, output, head, fit, signal } = options;
  const metadata = readRewardMetadata(await readOther(modelPath, claimed), modelPath);
  checkFits(options, metadata);
  const { name, profile } = metadata;
  const { tokenization = metadata.tokenization } = options;
  const trunkSha256 = fit?.trunkSha256 ?? metadata.trunkSha256;
  const file = await claimed.create();
  try {
    await writeHeadFile(file, {
      head,
      name: `A reward head for ${name || profile}`,
      profile,
      tokenization,
      ...given({ trunkSha256 }),
      ...(fit === undefined ? {} : { fit }),
    });
    signal?.throwIfAborted();
    return { output, bytes: await claimed.publish(file) };
  } finally {
    await file.discard();
  }
}

/**
 * Writes a copy of a model with another head: every tensor's bytes and all other metadata are the same.
 *
 * @throws as {@link writeHead}
 */
export async function replaceHead(options: ReplaceHeadOptions): Promise<ConvertResult> {
  takesOnlyOptions("replaceHead", arguments);
  options = check("replaceHead", options, { ...checks, onProgress: aFunction });
  const { output, overwrite = false, signal } = options;
  signal?.throwIfAborted();
  const modelPath = await modelPathOf(options.modelPath, { signal });
  return withOutput(output, { overwrite, signal }, (claimed) => replaceHeadIn(claimed, { ...options, modelPath }));
}

/** {@link replaceHead}, into a file that the caller holds. */
export async function replaceHeadIn(claimed: OutputFile, options: ReplaceHeadOptions): Promise<ConvertResult> {
  const { modelPath, output, head, tokenization, fit, onProgress, signal } = options;
  const source = await OpenedGguf.open(modelPath);
  try {
    // A whole model may take the place of a whole one. The other parts would be lost with a part.
    if (source.parts.length > 1 && (await source.isAt(claimed.target.path)))
      throw unwritable(output, "it is a part of the model being read");
    const gguf = await readGguf(source);
    checkFits(options, readRewardMetadata(gguf, modelPath));
    const metadata = new Map(gguf.metadata);
    metadata.set(STARLING_KEYS.formatVersion, u32(formatVersionOf(head)));
    const entries = new Map(headEntries(head));
    for (const key of HEAD_KEYS) if (!entries.has(key)) metadata.delete(key);
    for (const [key, value] of entries) metadata.set(key, value);
    if (tokenization !== undefined) metadata.set(STARLING_KEYS.tokenization, text(tokenization));
    // The old head's fit does not describe the new one.
    for (const key of fitKeys) metadata.delete(key);
    for (const [key, value] of fit === undefined ? [] : fitEntries(fit)) metadata.set(key, value);
    const header = serializeHeader(metadata, gguf.tensors, gguf.alignment);
    const onBytes =
      onProgress && ((done: number, total: number, tensor: string) => onProgress(writeProgress(done, total, tensor)));
    const { overwrite = false } = options;
    const { bytes } = await copyTensors(
      claimed,
      source,
      { header, tensors: gguf.tensors },
      { overwrite, signal, onBytes },
    );
    return { output, bytes, tensors: gguf.tensors.length, ...describeWeightTypes(gguf) };
  } finally {
    await source.close();
  }
}

function writeProgress(bytesDone: number, bytesTotal: number, tensor: string): WriteProgress {
  return { phase: "writing", fraction: bytesDone / bytesTotal, bytesDone, bytesTotal, tensor };
}

const fitKeys = [
  STARLING_KEYS.fitModel,
  STARLING_KEYS.fitModelSha256,
  STARLING_KEYS.fitTrunkSha256,
  STARLING_KEYS.fitInput,
  STARLING_KEYS.fitCases,
  STARLING_KEYS.fitRidge,
  STARLING_KEYS.fitTemplateDate,
  STARLING_KEYS.fitTemperature,
  STARLING_KEYS.fitOffset,
];

/** A head file has no weights: writing it over the model would destroy the model. */
async function readOther(modelPath: string, { name, target }: OutputFile): Promise<GgufHeader> {
  const model = await OpenedGguf.open(modelPath);
  try {
    if (await model.isAt(target.path)) throw unwritable(name, "it is the model being read");
    return await readGguf(model);
  } finally {
    await model.close();
  }
}

function check<O extends WriteHeadOptions>(caller: string, options: O, known: Readonly<Record<string, Check>>): O {
  return checkOptions(caller, options, known, ["modelPath", "output", "head"]);
}

function checkFits(options: WriteHeadOptions, metadata: RewardMetadata): void {
  const { head, tokenization, modelPath, fit, foreignHead = false } = options;
  if (inputLength(head) !== metadata.shape.embeddingLength)
    throw invalidArgument(
      "head",
      `${metadata.shape.embeddingLength} weights, as many as ${modelPath} has hidden dimensions,`,
      inputLength(head),
    );
  if (!foreignHead && isForeign(fit?.trunkSha256, metadata.trunkSha256))
    throw new FileError(
      "ERR_WRONG_HEAD",
      `The head does not fit ${modelPath}: it was fitted to the trunk ${shortTrunk(fit?.trunkSha256)} (${fit?.model}), and the ` +
        `model's trunk is ${shortTrunk(metadata.trunkSha256)}. Fit a head to this model, or accept it with foreignHead.`,
      { file: modelPath, field: "fit" },
    );
  if (tokenization !== undefined && !metadata.tokenizations.includes(tokenization))
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The tokenization ${tokenization} is not one of ${modelPath}, which has ${metadata.tokenizations.join(", ")}.`,
      { field: "tokenization" },
    );
}

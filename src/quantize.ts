/** Makes a smaller GGUF of another with llama.cpp's quantiser. */

import { availableParallelism } from "node:os";
import { dirname, toNamespacedPath } from "node:path";
import { aPartSize, weightType } from "./convert/options.ts";
import { FileError, NativeError } from "./errors.ts";
import { freeBytes } from "./files/disk-room.ts";
import { unwritable } from "./files/file-errors.ts";
import { type OutputFile, withOutput } from "./files/output-file.ts";
import { copyGguf } from "./gguf/copy.ts";
import { DEFAULT_ALIGNMENT, type GgufHeader } from "./gguf/header.ts";
import { OpenedGguf } from "./gguf/opened-gguf.ts";
import { readGguf } from "./gguf/reader.ts";
import { readRewardMetadata } from "./gguf/reward-metadata.ts";
import { fileTypeByName } from "./gguf/types.ts";
import { describeWeightTypes } from "./gguf/weight-types.ts";
import type { ConvertResult } from "./make-gguf.ts";
import { openEngine } from "./native/engine.ts";
import { aBoolean, aSignal, aString, aThreadCount, checkOptions, takesOnlyOptions } from "./options.ts";

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

/** What a disk that llama.cpp filled has left at most: less than it writes at once. */
const FULL_BYTES = 1024 * 1024;

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
  if (await source.isAt(claimed.target.path)) throw unwritable(output, "it is the file being read");
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
      const copied = await copyGguf(claimed, file.path, { splitSize, overwrite, signal, kept: source });
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

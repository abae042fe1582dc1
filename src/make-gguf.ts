/** Making GGUF files: the converter and llama.cpp's quantiser, put together. */
import { availableParallelism } from "node:os";
import { convertCheckpoint } from "./convert/convert.ts";
import {
  type ConvertOptions as CheckpointOptions,
  conversionChecks,
  type profileChoices,
  weightType,
} from "./convert/options.ts";
import { FileError, NativeError } from "./errors.ts";
import { checkOutput, TemporaryFile } from "./files/temporary-file.ts";
import { readGguf } from "./gguf/reader.ts";
import { readRewardMetadata } from "./gguf/reward-metadata.ts";
import { convertibleTypeNames, fileTypeByName } from "./gguf/types.ts";
import { openEngine } from "./native/engine.ts";
import { aBoolean, aSignal, aString, aThreadCount, checkOptions, required } from "./options.ts";
import type { TokenizationMode } from "./scoring/types.ts";

export interface ConvertOptions {
  /** A folder with config.json, safetensors and tokenizer.model. */
  readonly checkpoint: string;
  /** The GGUF to write; it appears only when it is whole. */
  readonly output: string;
  /** One of {@link weightTypes}; default "q4_k_m". */
  readonly type?: string;
  /** The tokenisation that the file asks for when it is scored with; default "fast-4.41". */
  readonly tokenization?: TokenizationMode;
  /** The kind of reward model, one of {@link profileChoices}; default "auto": what the checkpoint's own files show. */
  readonly profile?: (typeof profileChoices)[number];
  /** Kept in the file: where the checkpoint comes from, for example "Nexusflow/Starling-RM-34B" and a commit. */
  readonly source?: { readonly name?: string; readonly revision?: string };
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  readonly onProgress?: (progress: ConvertProgress) => void;
  /** Stops the conversion; llama.cpp's quantiser, once it runs, is awaited first. */
  readonly signal?: AbortSignal;
}

export interface ConvertProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** The tensor being written, or "quantize" while llama.cpp's quantiser runs. */
  readonly step: string;
}

export interface ConvertResult {
  readonly output: string;
  readonly bytes: number;
  readonly tensors: number;
}

export interface QuantizeModelOptions {
  /** A GGUF with f32, f16 or bf16 weights, made by `starling-rm convert`. */
  readonly input: string;
  readonly output: string;
  /** One of {@link weightTypes}. */
  readonly type: string;
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  /** Default: all cores. */
  readonly threads?: number;
  /** Stops before or after llama.cpp's quantiser, which itself cannot be interrupted. */
  readonly signal?: AbortSignal;
}

/** Names that `type` may have. */
export const weightTypes: readonly string[] = convertibleTypeNames();

const DEFAULT_TYPE = "q4_k_m";

/**
 * Converts a checkpoint folder to one GGUF with the reward head inside.
 *
 * @throws FileError for a checkpoint that lacks something, has something too many or does not fit, naming it
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  required("convert", options, "checkpoint");
  required("convert", options, "output");
  checkOptions("convert", options, conversionChecks);
  const { onProgress, type = DEFAULT_TYPE, ...rest } = options;
  const checkpointOptions: CheckpointOptions = {
    ...rest,
    type,
    quantize: (input, output, ftype) => runQuantizer(input, output, ftype, availableParallelism()),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: ({ bytesDone, bytesTotal, tensor }) =>
            onProgress({ bytesDone, bytesTotal, step: tensor === "" ? "quantize" : tensor }),
        }),
  };
  const { output, bytes, tensors } = await convertCheckpoint(checkpointOptions);
  return { output, bytes, tensors };
}

/**
 * Makes a smaller GGUF with llama.cpp's own quantiser. The reward head is metadata, so it stays float32.
 *
 * @throws FileError for an input that is no reward model, or is quantised already
 */
export async function quantize(options: QuantizeModelOptions): Promise<ConvertResult> {
  for (const name of ["input", "output", "type"]) required("quantize", options, name);
  checkOptions("quantize", options, {
    input: aString,
    output: aString,
    type: aString,
    overwrite: aBoolean,
    threads: aThreadCount,
    signal: aSignal,
  });
  const { input, output, overwrite = false, signal } = options;
  const type = weightType(options.type);
  signal?.throwIfAborted();
  await checkOutput(output, overwrite);
  const metadata = readRewardMetadata(await readGguf(input), input);
  const from = fileTypeByName(metadata.fileType);
  if (from?.kind !== "direct") {
    throw new FileError(
      "ERR_UNSUPPORTED_TYPE",
      `${input} is quantised already (${metadata.fileType}); quantising twice loses more than quantising once. ` +
        "Start from an f32, f16 or bf16 conversion.",
      { file: input },
    );
  }
  const temporary = await TemporaryFile.create(output);
  try {
    await temporary.close();
    await runQuantizer(input, temporary.path, type.id, options.threads ?? availableParallelism());
    const written = await readGguf(temporary.path);
    readRewardMetadata(written, temporary.path);
    signal?.throwIfAborted();
    const bytes = await temporary.publish(overwrite);
    return { output, bytes, tensors: written.tensors.length };
  } finally {
    await temporary.discard();
  }
}

async function runQuantizer(input: string, output: string, ftype: number, threads: number): Promise<void> {
  const { addon } = await openEngine({ gpu: "off" });
  try {
    await addon.quantize({ input, output, ftype, threads });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NativeError("ERR_QUANTIZE", `${input} could not be quantised: ${reason}`, { cause: error, file: input });
  }
}

import { InvalidInputError, invalidArgument } from "../errors.ts";
import { TOKENIZATIONS } from "../gguf/starling-keys.ts";
import { convertibleTypeNames, type FileType, fileTypeByName } from "../gguf/types.ts";

/** Where a checkpoint comes from, as its user knows it; kept in the file, nothing is looked up. */
export interface SourceOptions {
  /** For example "Nexusflow/Starling-RM-34B". */
  readonly name?: string;
  /** For example a commit. */
  readonly revision?: string;
}

export interface ConvertProgress {
  /** Bytes of the checkpoint's tensors that were converted. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** The tensor at work, with its name in the checkpoint; "" while llama.cpp quantises at the end. */
  readonly tensor: string;
}

export interface ConvertOptions {
  /** A folder with config.json, safetensors and tokenizer.model. */
  readonly checkpoint: string;
  /** The GGUF to make. It appears under this name only when it is whole. */
  readonly output: string;
  /** A weight type: f32, f16, bf16, or one that llama.cpp quantises to, such as q8_0 or q4_k_m; in any case. */
  readonly type: string;
  readonly source?: SourceOptions;
  /** The tokenisation that the file asks for: "slow", "fast-4.41" (the default) or "fast-4.42". */
  readonly tokenization?: (typeof TOKENIZATIONS)[number];
  /** Replace a file that is there already. Default: false. */
  readonly overwrite?: boolean;
  /** Called at most once for every 8 MiB or so. */
  readonly onProgress?: (progress: ConvertProgress) => void;
  /** Stops the conversion, which then rejects with the signal's reason; a quantisation that runs is awaited first. */
  readonly signal?: AbortSignal;
  /** Makes `output` of `input` with llama.cpp's quantiser; needed for types other than f32, f16 and bf16. */
  readonly quantize?: (input: string, output: string, ftype: number) => Promise<void>;
}

export interface ConvertResult {
  /** As given. */
  readonly output: string;
  /** Bytes of the file. */
  readonly bytes: number;
  readonly tensors: number;
  /** The checksum of what was converted; see STARLING_KEYS.sourceSha256. */
  readonly sourceSha256: string;
}

const knownOptions = new Set([
  "checkpoint",
  "output",
  "type",
  "source",
  "tokenization",
  "overwrite",
  "onProgress",
  "signal",
  "quantize",
]);

/** Longest source name and revision. */
const MAX_SOURCE_CHARACTERS = 500;

/**
 * Checks the options and returns the weight type.
 *
 * @throws InvalidInputError ERR_INVALID_ARGUMENT, or ERR_UNSUPPORTED_TYPE for a type that is not written
 */
export function checkOptions(options: ConvertOptions): FileType {
  if (typeof options !== "object" || options === null) throw invalidArgument("options", "an object", options);
  for (const name of Object.keys(options))
    if (!knownOptions.has(name)) throw invalidArgument("options", `only ${[...knownOptions].join(", ")}`, name);
  for (const name of ["checkpoint", "output", "type"] as const)
    if (typeof options[name] !== "string" || options[name] === "")
      throw invalidArgument(name, "a string that is not empty", options[name]);
  checkOptional(options, "overwrite", "boolean");
  checkOptional(options, "onProgress", "function");
  checkOptional(options, "quantize", "function");
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw invalidArgument("signal", "an AbortSignal", options.signal);
  if (options.tokenization !== undefined && !TOKENIZATIONS.includes(options.tokenization))
    throw invalidArgument("tokenization", `one of ${TOKENIZATIONS.join(", ")}`, options.tokenization);
  checkSource(options.source);
  return checkType(options);
}

function checkOptional(options: ConvertOptions, name: keyof ConvertOptions, type: "boolean" | "function"): void {
  if (options[name] !== undefined && typeof options[name] !== type)
    throw invalidArgument(name, `a ${type}`, options[name]);
}

function checkSource(source: SourceOptions | undefined): void {
  if (source === undefined) return;
  if (typeof source !== "object" || source === null) throw invalidArgument("source", "an object", source);
  for (const [name, value] of Object.entries(source)) {
    if (name !== "name" && name !== "revision") throw invalidArgument("source", "only name and revision", name);
    if (value === undefined) continue;
    const fits = typeof value === "string" && value !== "" && value.length <= MAX_SOURCE_CHARACTERS;
    if (!fits || value.includes("\0") || !value.isWellFormed())
      throw invalidArgument(`source.${name}`, `text of 1 to ${MAX_SOURCE_CHARACTERS} characters`, value);
  }
}

function checkType(options: ConvertOptions): FileType {
  const type = fileTypeByName(options.type);
  if (type?.kind === "imatrix")
    throw unsupported(`The weight type ${type.name} needs an importance matrix, which is not computed.`);
  if (type === undefined)
    throw unsupported(`The weight type ${JSON.stringify(options.type.slice(0, 40))} is not known.`);
  if (type.kind === "quantized" && options.quantize === undefined)
    throw invalidArgument("quantize", `a function, because ${type.name} is made by llama.cpp's quantiser,`, undefined);
  return type;
}

function unsupported(sentence: string): InvalidInputError {
  const message = `${sentence.slice(0, -1)}; choose one of ${convertibleTypeNames().join(", ")}.`;
  return new InvalidInputError("ERR_UNSUPPORTED_TYPE", message, { field: "type" });
}

/** Making GGUF files: the converter and llama.cpp's quantiser, put together. */
import { convertCheckpoint } from "./convert/convert.ts";

export interface ConvertOptions {
  /** A folder with config.json, safetensors and tokenizer.model. */
  readonly checkpoint: string;
  /** The GGUF to write; it appears only when it is whole. */
  readonly output: string;
  /** One of {@link weightTypes}; default "q4_k_m". */
  readonly type?: string;
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  readonly onProgress?: (progress: ConvertProgress) => void;
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
  readonly type: string;
  readonly overwrite?: boolean;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** Names that `type` may have. */
export const weightTypes: readonly string[] = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q6_k",
  "q5_k_m",
  "q5_k_s",
  "q5_0",
  "q4_k_m",
  "q4_k_s",
  "q4_0",
];

export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  throw new Error(`not written yet ${options} ${convertCheckpoint}`);
}

export async function quantize(options: QuantizeModelOptions): Promise<ConvertResult> {
  throw new Error(`not written yet ${options}`);
}

/** How much memory a model takes, from its header only. */
import { byteSize } from "../byte-units.ts";
import { NativeError } from "../errors.ts";
import type { LoadOptions } from "../native/addon.ts";
import type { Backend } from "../native/engine.ts";
import { keyValueWidth, queryWidth, type TrunkShape } from "../trunk/shape.ts";

/** Bytes that a loaded model needs at most: every context worker evaluates a text of the maximum length. */
export interface MemoryNeed {
  /** Where it would run. */
  readonly backend: Backend;
  /** All tensors; those that our own kernels would take, at their packed size. */
  readonly weights: number;
  /** Keys and values of all tokens in the context. */
  readonly keyValue: number;
  /** llama.cpp's compute buffers; the larger estimate where its choice is not known. */
  readonly compute: number;
  /** The sum of the three. */
  readonly total: number;
}

type Settings = Pick<
  LoadOptions,
  "contextTokens" | "batchTokens" | "microBatch" | "maxSequences" | "contextWorkers" | "kvType" | "flashAttention"
> & {
  readonly paddingToken?: number;
  /** Whether some layers have a window, and with it a cache and an attention mask of their own. */
  readonly windowed?: boolean;
};

const FLOAT_BYTES = 4;
/** llama.cpp's contexts are multiples of this many cells. */
const CELLS_AT_A_TIME = 256;
/** For the tokens after a text whose score is read at the end of padding: twice the largest multiple of kernel-plan.ts. */
const PADDING_CELLS = 64;
/** Flagged rows that logits are reserved for, when rewards of single tokens are asked for. */
const OUTPUT_ROWS = 64;

/**
 * @param shape of the model
 * @param weights bytes of all tensors
 * @param settings as the model is to be loaded
 */
export function memoryNeed(shape: TrunkShape, weights: number, settings: Settings, backend: Backend): MemoryNeed {
  // Of a batch of several sequences, beside the cached one.
  const batch = settings.maxSequences > 1 ? settings.batchTokens : 0;
  const behind = batch + ((settings.paddingToken ?? -1) < 0 ? 0 : PADDING_CELLS);
  const cells = roundUp(settings.contextTokens + behind, CELLS_AT_A_TIME);
  const cellBytes = 2 * shape.layers * keyValueWidth(shape) * (settings.kvType === "f32" ? FLOAT_BYTES : 2);
  // On the CPU, keys and values of up to as many tokens are moved: there are two of them meanwhile.
  const moved = backend === "cpu" ? batch : 0;
  const keyValue = settings.contextWorkers * (cells + moved) * cellBytes;
  const compute = settings.contextWorkers * computeBytes(shape, settings, cells);
  return { backend, weights, keyValue, compute, total: weights + keyValue + compute };
}

/** Values alive at the widest point of a layer, and for the outputs. */
function computeBytes(shape: TrunkShape, { microBatch, flashAttention, windowed }: Settings, cells: number): number {
  const { embeddingLength, feedForwardLength, heads, vocabularySize } = shape;
  const tokens = Math.min(microBatch, cells);
  // Residual stream, queries, and the attention weights of all heads, which flash attention never writes down.
  const queries = Math.max(embeddingLength, queryWidth(shape));
  const attention = embeddingLength + 2 * queries + (flashAttention ? 0 : heads * cells);
  // Residual stream, its norm, gate, up, and their product.
  const feedForward = 2 * embeddingLength + 3 * feedForwardLength;
  const mask = windowed ? 2 * cells : cells;
  const logits = 2 * OUTPUT_ROWS * vocabularySize;
  return FLOAT_BYTES * (tokens * (Math.max(attention, feedForward) + mask) + logits);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * @param available bytes; undefined where that is not known
 * @throws NativeError ERR_OUT_OF_MEMORY when the model needs more
 */
export function assertFits(path: string, need: MemoryNeed, available: number | undefined, contextTokens: number): void {
  if (available === undefined || need.total <= available) return;
  const { weights, keyValue, compute, total, backend } = need;
  const where = backend === "cpu" ? "this machine has" : `the devices of the backend ${backend} have`;
  throw new NativeError(
    "ERR_OUT_OF_MEMORY",
    `${path} needs ${byteSize(total)} of memory (weights ${byteSize(weights)}, key-value cache ${byteSize(keyValue)}, ` +
      `compute buffers ${byteSize(compute)}), but ${where} ${byteSize(available)} free. ${advice(need, available, contextTokens)}`,
    { file: path },
  );
}

function advice({ weights, backend }: MemoryNeed, available: number, contextTokens: number): string {
  if (weights < available)
    return `Load it with fewer context tokens than ${contextTokens} or fewer threads, close other programs, or skip this check.`;
  if (backend !== "cpu") return "Use a smaller quantisation, or place fewer layers on the GPU.";
  return "Use a smaller quantisation, or close other programs.";
}

/** Whether a GGUF's weights are a checkpoint's: of all that is kept exactly, and of samples of the rest. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { toFloats } from "../checkpoint/dtypes.ts";
import { type ByteSource, quote, readAlone, readExactly } from "../files/byte-source.ts";
import { fileTypeByName } from "../gguf/types.ts";
import { type TrunkTensorMatch, wrongTrunk } from "./attach-checks.ts";
import type { QuantizeRows } from "./options.ts";
import { isFloatType, type TensorJob } from "./plan.ts";
import { convertRows } from "./tensor-pipeline.ts";

/** What was compared, and with what result. */
export interface TrunkEvidence {
  /** Norms and biases, which every converter keeps exactly: so many of them are equal bit for bit. */
  readonly vectors: number;
  /** Of so many. */
  readonly vectorsInAll: number;
  /**
   * Samples of rows of matrices, made again from the checkpoint: all "equal" bit for bit, or "different": then the quantiser had an
   * importance matrix, or weights of another float type, or it is another model with the same norms.
   */
  readonly matrices: "equal" | "different" | "unknown";
}

/** Ranges of a remote checkpoint that are asked for. */
const MAX_REMOTE_VECTORS = 32;
/** Matrices whose first rows are compared. */
const MAX_MATRICES = 4;
const MAX_SAMPLE_BYTES = 256 * 1024;
/** Eight steps of float32: more than two ways to compute a value differ by, less than any other scaling. */
const MAX_ROUNDING = 1e-6;

/** @throws FileError ERR_WRONG_HEAD for an exact tensor that differs */
export async function compareWeights(
  source: ByteSource,
  checkpoint: Checkpoint,
  matches: readonly TrunkTensorMatch[],
  {
    quantizeRows,
    isRemote,
    signal,
  }: { quantizeRows: QuantizeRows; isRemote: boolean; signal: AbortSignal | undefined },
): Promise<TrunkEvidence> {
  for (const match of matches.filter(({ job }) => job.source.bytes !== undefined))
    if (!(await isNear(source, match))) throw otherModel(source, checkpoint, match);
  const vectors = matches.filter(({ job }) => job.dims.length === 1 && job.source.bytes === undefined);
  const compared = isRemote ? spread(vectors, MAX_REMOTE_VECTORS) : vectors;
  for (const match of compared) {
    signal?.throwIfAborted();
    if (!(await isEqual(source, checkpoint, match, quantizeRows))) throw otherModel(source, checkpoint, match);
  }
  const inAll = matches.filter(({ job }) => job.dims.length === 2);
  const scaled = inAll.find(({ job }) => job.change?.factor !== undefined);
  if (
    scaled !== undefined &&
    !(canBeMade(scaled.stored.type.name) && (await isEqual(source, checkpoint, scaled, quantizeRows)))
  )
    throw notScaled(source, checkpoint, scaled);
  const matrices = spread(
    inAll.filter(({ stored }) => canBeMade(stored.type.name)),
    MAX_MATRICES,
  );
  let equal = 0;
  for (const match of matrices) {
    signal?.throwIfAborted();
    if (await isEqual(source, checkpoint, match, quantizeRows)) equal += 1;
    else if (isFloatType(match.stored.type.name)) throw otherModel(source, checkpoint, match);
  }
  return {
    vectors: compared.length,
    vectorsInAll: vectors.length,
    matrices: matrices.length === 0 ? "unknown" : equal === matrices.length ? "equal" : "different",
  };
}

function otherModel(source: ByteSource, { folder }: Checkpoint, { stored, job }: TrunkTensorMatch) {
  const sentence = `has the shapes of ${folder.path}, but its tensor ${quote(stored.name)} holds other values: it is another model`;
  const isHalf = job.from === "f16" && job.change?.add !== undefined;
  const halfNorms =
    ", or was made by llama.cpp's converter, which adds 1 to float16 norms in float16, and scores otherwise. Convert the checkpoint instead";
  return wrongTrunk(source.path, `${sentence}${isHalf ? halfNorms : ""}.`, { tensor: stored.name });
}

/** Only `convert` multiplies them: files of llama.cpp's own converter score otherwise than the checkpoint. */
function notScaled(source: ByteSource, { folder }: Checkpoint, { stored, job }: TrunkTensorMatch) {
  const sentence =
    `does not show that it has the weights of ${quote(stored.name)} times ${job.change?.factor}, which make up for the ` +
    `query_pre_attn_scalar of ${folder.path}: llama.cpp divides queries by another number. Convert the checkpoint instead.`;
  return wrongTrunk(source.path, sentence, { tensor: stored.name });
}

/** Types that llama.cpp's quantiser makes of rows alone; others need an importance matrix. */
function canBeMade(type: string): boolean {
  return isFloatType(type) || fileTypeByName(type)?.kind === "quantized" || /^q[2-6]_k$/.test(type);
}

/** The first rows: of a vector all of it, of a tensor whose heads are permuted one head at least. */
async function isEqual(
  source: ByteSource,
  checkpoint: Checkpoint,
  { job, stored }: TrunkTensorMatch,
  quantizeRows: QuantizeRows,
): Promise<boolean> {
  const { type } = stored;
  const same: TensorJob = { ...job, type, to: isFloatType(type.name) ? type.name : "quantized" };
  const { bytes, rows } = await convertRows(checkpoint, same, quantizeRows, MAX_SAMPLE_BYTES);
  const [, inAll = 1] = job.dims;
  const there = await readExactly(source, stored.position, (stored.size / inAll) * rows);
  return Buffer.compare(bytes, there) === 0;
}

/** What follows from config.json: llama.cpp's converter computes it in float64, transformers in float32. */
async function isNear(source: ByteSource, { job, stored }: TrunkTensorMatch): Promise<boolean> {
  if (stored.type.name !== "f32") return false;
  const there = new Float32Array((await readAlone(source, stored.position, stored.size)).buffer);
  const own = toFloats(job.source.bytes as Uint8Array, "f32");
  return own.every((value, i) => Math.abs(value - (there[i] as number)) <= MAX_ROUNDING * Math.abs(value));
}

/** At most `count` of them, from the first to the last. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))] as T);
}

/** Moves tensors from the checkpoint to the GGUF: reads, converts and writes concurrently. */
import { createHash, type Hash } from "node:crypto";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { convertFloats, FLOAT_BYTES, type FloatType, firstNonFinite, floatAt, toFloats } from "../checkpoint/dtypes.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { quote } from "../files/byte-source.ts";
import type { GgufWriter } from "../gguf/writer.ts";
import type { FinishedTensor } from "./journal.ts";
import type { QuantizeRows } from "./options.ts";
import { permuteHeads } from "./permute.ts";
import type { TensorJob } from "./plan.ts";

/** Bytes that are read and converted at once; the event loop is free between two chunks. */
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
/** Chunks that are converted and written at once: the next one is ready whenever a core is free. */
const CHUNKS_AT_ONCE = 2;

interface Chunk {
  readonly job: TensorJob;
  /** Bytes from the beginning of the tensor in the checkpoint. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface PipelineEvents {
  /** Called with every chunk that was written; what it throws stops the pipeline. */
  readonly onChunk: (job: TensorJob, bytes: number) => void;
  /** Called with every tensor that was written in full. */
  readonly onTensor: (job: TensorJob, finished: FinishedTensor) => Promise<void>;
}

/**
 * Converts tensors in the order of the checkpoint's files.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a value that is not finite, or that the target type cannot hold
 */
export async function convertTensors(
  checkpoint: Checkpoint,
  writer: GgufWriter,
  jobs: readonly TensorJob[],
  quantizeRows: QuantizeRows | undefined,
  events: PipelineEvents,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let failed = false;
  let previous = Promise.resolve();
  let source = createHash("sha256");
  let written = createHash("sha256");
  try {
    for await (const chunk of readChunks(checkpoint, inFileOrder(jobs, checkpoint.wholeFile))) {
      const last = chunk.offset + chunk.bytes.length === chunk.job.source.size;
      const converted = convertChunk(chunk, quantizeRows);
      // Other cores convert meanwhile.
      source.update(chunk.bytes);
      const hashes = { source, written };
      const task = finish(writer, chunk, converted, previous, written).then(async () => {
        events.onChunk(chunk.job, chunk.bytes.length);
        if (last) await events.onTensor(chunk.job, digests(chunk.job, hashes));
      });
      if (last) [source, written] = [createHash("sha256"), createHash("sha256")];
      previous = task;
      const tracked: Promise<void> = task
        .catch(() => {
          failed = true;
        })
        .then(() => void underWay.delete(tracked));
      underWay.add(tracked);
      while (underWay.size >= CHUNKS_AT_ONCE) await Promise.race(underWay);
      if (failed) break;
    }
  } finally {
    await Promise.all(underWay);
  }
  // Throws the first failure: each task waits for the one before it.
  await previous;
}

/** Each file is read from front to back, once; the one that is at hand first. */
function inFileOrder(jobs: readonly TensorJob[], atHand: string | undefined): TensorJob[] {
  const keyOf = (file: string) => (file === atHand ? "" : file);
  return [...jobs].sort(({ source: a }, { source: b }) =>
    a.fileName === b.fileName ? a.position - b.position : keyOf(a.fileName) < keyOf(b.fileName) ? -1 : 1,
  );
}

/** The next chunk is read while one is looked at. */
async function* readChunks(checkpoint: Checkpoint, jobs: readonly TensorJob[]): AsyncGenerator<Chunk> {
  const pieces = piecesOf(jobs);
  // Computed tensors are not in any weight file.
  const stored = jobs.filter(({ source }) => source.bytes === undefined);
  const files = [...new Set(stored.map(({ source }) => source.fileName))];
  const read = async (): Promise<Chunk | undefined> => {
    const { value: piece } = pieces.next();
    if (!piece) return undefined;
    const { job, offset, length } = piece;
    const { fileName } = job.source;
    if (job.source.bytes === undefined) await checkpoint.useWhole(fileName, files[files.indexOf(fileName) + 1]);
    const bytes = new Uint8Array(length);
    await checkpoint.readTensor(job.source, offset, bytes);
    return { job, offset, bytes };
  };
  let next = read();
  try {
    for (;;) {
      const chunk = await next;
      if (chunk === undefined) return;
      next = read();
      // A failure elsewhere must not leave an unhandled rejection.
      next.catch(() => {});
      yield chunk;
    }
  } finally {
    // The checkpoint may be closed next: no read may still be running.
    await next.catch(() => {});
  }
}

function* piecesOf(
  jobs: readonly TensorJob[],
): Generator<{ job: TensorJob; offset: number; length: number }, undefined> {
  for (const job of jobs) {
    const { size } = job.source;
    const step = chunkBytes(job);
    for (let offset = 0; offset < size; offset += step) yield { job, offset, length: Math.min(step, size - offset) };
  }
}

/** Whole rows; for permuted tensors whole heads, each of which must fit in memory. */
function chunkBytes(job: TensorJob): number {
  const unit = job.source.size / (job.permutedHeads ?? rowsOf(job));
  return Math.max(1, Math.floor(MAX_CHUNK_BYTES / unit)) * unit;
}

/** A vector is one row. */
function rowsOf({ dims: [, rows = 1] }: TensorJob): number {
  return rows;
}

/**
 * The first rows of one tensor as the pipeline would write them.
 *
 * @param maxBytes of the checkpoint; one row, or one head, is read in any case
 */
export async function convertRows(
  checkpoint: Checkpoint,
  job: TensorJob,
  quantizeRows: QuantizeRows,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly rows: number }> {
  const { size } = job.source;
  const unit = size / (job.permutedHeads ?? rowsOf(job));
  const length = Math.min(size, Math.max(1, Math.floor(maxBytes / unit)) * unit);
  const bytes = new Uint8Array(length);
  await checkpoint.readTensor(job.source, 0, bytes);
  const rows = (length / size) * rowsOf(job);
  return { bytes: await convertChunk({ job, offset: 0, bytes }, quantizeRows), rows };
}

async function convertChunk(chunk: Chunk, quantizeRows: QuantizeRows | undefined): Promise<Uint8Array> {
  const { job, bytes } = chunk;
  const [rowLength = 0] = job.dims;
  const ordered =
    job.permutedHeads === undefined
      ? bytes
      : permuteHeads(bytes, rowsOf(job) / job.permutedHeads, rowLength * FLOAT_BYTES[job.from]);
  const [values, from] = job.change === undefined ? [ordered, job.from] : [changed(ordered, job), "f32" as const];
  if (job.to === "quantized") {
    if (quantizeRows === undefined) throw new RangeError(`The tensor ${job.name} needs a quantiser.`);
    try {
      return await quantizeRows({ from, to: job.type, rowLength, rows: values });
    } catch (error) {
      // Names the value.
      checkFinite(chunk, bytes, job.from);
      if ((error as { code?: unknown }).code !== "NOT_HELD") throw error;
      const { name, file } = job.source;
      const sentence = `contains values in the tensor ${quote(name)} that ${job.type.name} cannot hold: choose f32 or bf16.`;
      throw refuse(file, sentence, { tensor: name });
    }
  }
  checkFinite(chunk, bytes, job.from);
  const converted = convertFloats(values, from, job.to);
  if (firstNonFinite(converted, job.to) === -1) return converted;
  // In the checkpoint's order, to name the index of the value.
  const inOrder = job.change === undefined ? convertFloats(bytes, job.from, job.to) : changed(bytes, job, job.to);
  checkFinite(chunk, inOrder, job.to);
  return converted;
}

/** The values as the trunk's description changes them. */
function changed(bytes: Uint8Array, { from, change = {} }: TensorJob, to: FloatType = "f32"): Uint8Array {
  const values = toFloats(bytes, from);
  const { factor = 1, add = 0 } = change;
  for (let i = 0; i < values.length; i++) values[i] = Math.fround((values[i] as number) * factor) + add;
  return convertFloats(new Uint8Array(values.buffer), "f32", to);
}

/** @param bytes the chunk itself, or what became of it, in the order of the checkpoint */
function checkFinite({ job, bytes: chunk, offset }: Chunk, bytes: Uint8Array, type: TensorJob["from"]): void {
  const bad = firstNonFinite(bytes, type);
  if (bad === -1) return;
  const { name, file } = job.source;
  const value = floatAt(chunk, job.from, bad);
  const index = offset / FLOAT_BYTES[job.from] + bad;
  const where = `contains ${value} at index ${index} of the tensor ${quote(name)}`;
  if (!Number.isFinite(value)) throw refuse(file, `${where}; all weights must be finite.`, { tensor: name });
  throw refuse(file, `${where}, more than ${type} can hold: choose bf16 or f32.`, { tensor: name });
}

/** Writes a chunk after the one before it. */
async function finish(
  writer: GgufWriter,
  { job, offset }: Chunk,
  converted: Promise<Uint8Array>,
  previous: Promise<void>,
  hash: Hash,
): Promise<void> {
  const [first, second] = await Promise.allSettled([previous, converted]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  const bytes = second.value;
  hash.update(bytes);
  const row = offset / (job.source.size / rowsOf(job));
  await writer.write(job.name, row * (writer.tensor(job.name).size / rowsOf(job)), bytes);
}

function digests(job: TensorJob, { source, written }: { source: Hash; written: Hash }): FinishedTensor {
  return { name: job.name, source: source.digest("hex"), written: written.digest("hex") };
}

import type { Hash } from "node:crypto";
import { createHash } from "node:crypto";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { quote } from "../files/byte-source.ts";
import type { GgufWriter } from "../gguf/writer.ts";
import { convertFloats, FLOAT_BYTES, firstNonFinite, floatAt } from "./dtypes.ts";
import { permuteHeads } from "./permute.ts";
import type { TensorJob } from "./plan.ts";

/** Bytes that are read and converted at once; the event loop is free between two chunks. */
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;

/**
 * Copies one tensor from the checkpoint into the GGUF, chunk by chunk, the next chunk being read while one is
 * converted and written.
 *
 * @param onChunk called with the bytes of each chunk when it is written; what it throws stops the copy
 * @returns the SHA-256 of the tensor's bytes in the checkpoint, in hexadecimal
 * @throws FileError ERR_INVALID_CHECKPOINT for a value that is not finite, or that the target type cannot hold
 */
export async function copyTensor(
  checkpoint: Checkpoint,
  writer: GgufWriter,
  job: TensorJob,
  onChunk: (bytes: number) => void,
): Promise<string> {
  const hash = createHash("sha256");
  const step = chunkBytes(job);
  const { size } = job.source;
  const read = async (offset: number): Promise<Uint8Array> => {
    const chunk = new Uint8Array(Math.min(step, size - offset));
    await checkpoint.readTensor(job.source, offset, chunk);
    return chunk;
  };
  let next = size > 0 ? read(0) : undefined;
  for (let offset = 0; next !== undefined; ) {
    const chunk = await next;
    const end = offset + chunk.length;
    next = end < size ? read(end) : undefined;
    // A failure below must not leave a rejection that nobody looks at.
    next?.catch(() => {});
    await writer.writeTensorBytes(job.name, convertChunk(job, chunk, offset, hash));
    onChunk(chunk.length);
    offset = end;
  }
  return hash.digest("hex");
}

/** Whole values; for permuted tensors whole heads, of which even the largest has to be in memory at once. */
function chunkBytes(job: TensorJob): number {
  if (job.permutedHeads === undefined) return MAX_CHUNK_BYTES;
  const headBytes = job.source.size / job.permutedHeads;
  return Math.max(1, Math.floor(MAX_CHUNK_BYTES / headBytes)) * headBytes;
}

function convertChunk(job: TensorJob, chunk: Uint8Array, offset: number, hash: Hash): Uint8Array {
  hash.update(chunk);
  checkFinite(job, chunk, chunk, offset);
  const converted = convertFloats(chunk, job.from, job.to);
  if (job.from !== job.to) checkFinite(job, chunk, converted, offset);
  if (job.permutedHeads === undefined) return converted;
  const [rowLength, rows] = job.dims as [number, number];
  return permuteHeads(converted, rows / job.permutedHeads, rowLength * FLOAT_BYTES[job.to]);
}

/** @param bytes the chunk itself, or what became of it */
function checkFinite(job: TensorJob, chunk: Uint8Array, bytes: Uint8Array, offset: number): void {
  const type = bytes === chunk ? job.from : job.to;
  const bad = firstNonFinite(bytes, type);
  if (bad === -1) return;
  const { name, file } = job.source;
  const value = floatAt(chunk, job.from, bad);
  const index = offset / FLOAT_BYTES[job.from] + bad;
  if (!Number.isFinite(value))
    throw refuse(file, `holds ${value} at index ${index} of the tensor ${quote(name)}; all weights must be finite.`, {
      tensor: name,
    });
  throw refuse(
    file,
    `holds ${value} at index ${index} of the tensor ${quote(name)}, more than ${job.to} can hold: choose bf16 or f32.`,
    { tensor: name },
  );
}

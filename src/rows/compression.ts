/** Compressed inputs as streams of their decompressed bytes. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { isStarlingError } from "../errors.ts";
import { damaged, guarded, oneLine } from "./damaged.ts";

export type Compression = "gzip" | "zstd";

/** Bytes that distinguish all kinds. */
const MAGIC_BYTES = 6;

/** Size of one decompressed piece; Node's default of 16 KiB costs more than the decompression. */
const OUTPUT_BYTES = 128 * 1024;

/** By the first bytes, whatever the file is called. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (startsWith(head, [0x1f, 0x8b])) return "gzip";
  // A skippable frame may come first.
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd])) return "zstd";
  if (((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18])) return "zstd";
  return undefined;
}

/** The bytes that a gzip or zstd input holds; another input's own bytes. @throws FileError ERR_INVALID_DATA */
export async function* decompressed(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  try {
    while (head.length < MAGIC_BYTES) {
      const next = await iterator.next();
      if (next.done) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
    refuseOthers(head, name);
    const all = prepended(head, iterator);
    const kind = compressionOf(head);
    if (kind === "gzip") yield* gunzipped(all, name);
    else if (kind === "zstd") yield* unzstd(all, name);
    else yield* all;
  } finally {
    await iterator.return?.();
  }
}

async function* prepended(head: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const next = await iterator.next();
    if (next.done) return;
    yield next.value;
  }
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
  // Errors of both come out of the last one, which is read below.
  pipeline(Readable.from(chunks, { objectMode: true }), gunzip, () => {});
  try {
    yield* gunzip;
  } catch (error) {
    if (isStarlingError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR") throw damaged(name, "is truncated: its gzip data ends too early", error);
    throw damaged(name, `is damaged: its gzip data cannot be read (${oneLine(error)})`, error);
  }
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { ZstdDecoder } = await import("./zstd.ts");
  const decoder = new ZstdDecoder();
  for await (const chunk of chunks) {
    const pieces = decoder.push(chunk);
    for (;;) {
      const next = guarded(name, "is damaged: its zstd data cannot be read", () => pieces.next());
      if (next.done) break;
      yield next.value;
    }
  }
  guarded(name, "is truncated: its zstd data cannot be read", () => decoder.end());
}

/** Formats that people have, with what makes a readable file of them. */
const others: readonly { readonly magic: readonly number[]; readonly is: string; readonly advice: string }[] = [
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], is: "is compressed with xz", advice: "unpack it with xz -d" },
  { magic: [0x42, 0x5a, 0x68], is: "is compressed with bzip2", advice: "unpack it with bunzip2" },
  { magic: [0x50, 0x4b, 3, 4], is: "is a zip archive", advice: "unpack it" },
  { magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], is: "is an Arrow file", advice: "write it as parquet" },
];

function refuseOthers(head: Uint8Array, name: string): void {
  const found = others.find(({ magic }) => startsWith(head, magic));
  if (found !== undefined) throw damaged(name, `${found.is}, which is not supported: ${found.advice} first`);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

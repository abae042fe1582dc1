/** Compressed inputs as streams of their decompressed bytes. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { isStarlingError } from "../errors.ts";
import { damaged, oneLine } from "./damaged.ts";

export type Compression = "gzip" | "zstd" | "xz";

/** Bytes that distinguish all kinds. */
const MAGIC_BYTES = 6;

/** Size of one decompressed piece; Node's default of 16 KiB costs more than the decompression. */
const OUTPUT_BYTES = 128 * 1024;

/** Endings of compressed files' names. */
const COMPRESSED_NAME = /\.(gz|gzip|zst|zstd|xz)$/i;

/** The compression that a file's name promises. */
export function compressionOfName(name: string): Compression | undefined {
  const ending = COMPRESSED_NAME.exec(name)?.[1]?.toLowerCase();
  if (ending === undefined) return undefined;
  return ending === "xz" ? "xz" : ending.startsWith("z") ? "zstd" : "gzip";
}

/** A file's name without the ending of its compression. */
export function uncompressedName(name: string): string {
  return name.replace(COMPRESSED_NAME, "");
}

/** By the first bytes, whatever the file is called. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (startsWith(head, [0x1f, 0x8b])) return "gzip";
  if (startsWith(head, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])) return "xz";
  // A skippable frame may come first.
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd])) return "zstd";
  if (((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18])) return "zstd";
  return undefined;
}

/** The bytes that a gzip, zstd or xz input holds; another input's own bytes. @throws FileError ERR_INVALID_DATA */
export async function* decompressed(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(chunks, MAGIC_BYTES);
  try {
    refuseOthers(head, name);
    const kind = compressionOf(head);
    if (kind === "gzip") yield* gunzipped(all, name);
    else if (kind === "zstd") yield* unzstd(all, name);
    else if (kind === "xz") yield* unxz(all, name);
    else yield* all;
  } finally {
    await all.return(undefined);
  }
}

/** Looks at the first bytes: `all` has them once more. `return` it in any case. */
export async function peek(
  chunks: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<{ readonly head: Uint8Array; readonly all: AsyncGenerator<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  while (head.length < bytes) {
    const next = await iterator.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, all: prepended(head, iterator) };
}

/** A generator that was never started would not close what it reads: so this is an object. */
export function prepended(head: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = head.length > 0;
  const generator: Omit<AsyncGenerator<Uint8Array>, typeof Symbol.asyncDispose> = {
    async next() {
      if (!isFirst) return (await iterator.next()) as IteratorResult<Uint8Array>;
      isFirst = false;
      return { done: false, value: head };
    },
    async return() {
      isFirst = false;
      await iterator.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await iterator.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return generator as AsyncGenerator<Uint8Array>;
    },
  };
  return generator as AsyncGenerator<Uint8Array>;
}

/** Counts the bytes that are taken: where a decoder stops is where the file is damaged. */
export async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  count: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    count.bytes += chunk.length;
    yield chunk;
  }
}

async function* gunzipped(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
  const taken = { bytes: 0 };
  // Errors of both come out of the last one, which is read below.
  pipeline(Readable.from(counted(chunks, taken), { objectMode: true }), gunzip, () => {});
  try {
    yield* gunzip;
  } catch (error) {
    if (isStarlingError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR")
      throw damaged(name, `is truncated: it ends at byte ${taken.bytes}, inside gzip data`, error);
    throw damaged(
      name,
      `is damaged: its gzip data cannot be read near byte ${gunzip.bytesWritten} (${oneLine(error)})`,
      error,
    );
  }
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { ZstdDecoder } = await import("./zstd.ts");
  const decoder = new ZstdDecoder();
  const taken = { bytes: 0 };
  for await (const chunk of counted(chunks, taken)) {
    const pieces = decoder.push(chunk);
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = pieces.next();
      } catch (error) {
        throw damaged(
          name,
          `is damaged: its zstd data cannot be read near byte ${decoder.position}: ${oneLine(error)}`,
          error,
        );
      }
      if (next.done) break;
      yield next.value;
    }
  }
  if (!decoder.isComplete) throw damaged(name, `is truncated: it ends at byte ${taken.bytes}, inside zstd data`);
}

async function* unxz(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { decodeXz, xzProblem } = await import("./xz.ts");
  const taken = { bytes: 0, ended: false };
  try {
    yield* decodeXz(counted(chunks, taken), () => {
      taken.ended = true;
    });
  } catch (error) {
    if (isStarlingError(error)) throw error;
    throw damaged(name, xzProblem(error, taken.bytes, taken.ended), error);
  }
}

/** Formats that people have, with what makes a readable file of them. */
const others: readonly {
  readonly magic: readonly number[];
  /** Where the magic bytes are, in bytes from the start. Default: 0. */
  readonly at?: number;
  readonly is: string;
  readonly advice: string;
}[] = [
  { magic: [0x42, 0x5a, 0x68], is: "is compressed with bzip2", advice: "unpack it with bunzip2" },
  { magic: [0x50, 0x4b, 3, 4], is: "is a zip archive or an Excel workbook", advice: "unpack it, or save it as CSV" },
  {
    magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31],
    is: "is an Arrow or Feather file",
    advice: "write it as parquet (pandas: read_feather(OLD).to_parquet(NEW))",
  },
  {
    magic: [0xff, 0xff, 0xff, 0xff],
    is: "is an Arrow stream, as the Python library datasets writes it",
    advice: "write it as parquet (datasets.Dataset.from_file(OLD).to_parquet(NEW))",
  },
  {
    magic: [0x46, 0x45, 0x41, 0x31],
    is: "is a Feather file",
    advice: "write it as parquet (pandas: read_feather(OLD).to_parquet(NEW))",
  },
  { magic: [0x4f, 0x62, 0x6a, 1], is: "is an Avro file", advice: "write it as parquet or JSON lines" },
  { magic: [0x4f, 0x52, 0x43], is: "is an ORC file", advice: "write it as parquet" },
  { magic: [0x89, 0x48, 0x44, 0x46], is: "is an HDF5 file", advice: "write it as parquet or JSON lines" },
  { magic: [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], is: "is an SQLite database", advice: "export its table as CSV" },
  { magic: [0x75, 0x73, 0x74, 0x61, 0x72], at: 257, is: "is a tar archive", advice: "unpack it with tar -xf" },
];

/** @throws FileError for a format that is not read */
export function refuseOthers(head: Uint8Array, name: string): void {
  const found = others.find(({ magic, at = 0 }) => startsWith(head.subarray(at), magic));
  if (found !== undefined) throw damaged(name, `${found.is}, which is not supported: ${found.advice} first`);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/** Decompression of one page, into a buffer of its own, and never more than the page says that it holds. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { snappyUncompress } from "hyparquet";
import { ZstdDecoder } from "../zstd.ts";

type Decompress = (bytes: Uint8Array, length: number) => Uint8Array;

/** Three bytes repeat 64 at most. */
const MAX_SNAPPY_RATIO = 22;
/** A byte adds 255 to a length. */
const MAX_LZ4_RATIO = 256;

const codecs: Readonly<Record<string, Decompress>> = {
  UNCOMPRESSED: (bytes) => bytes,
  SNAPPY(bytes, length) {
    checkRatio(bytes, length, MAX_SNAPPY_RATIO);
    const page = new Uint8Array(length);
    snappyUncompress(bytes, page);
    return page;
  },
  GZIP: (bytes, length) => gunzipSync(bytes, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
  ZSTD: unzstd,
};

export type PageDecompressor = (bytes: Uint8Array, length: number) => Uint8Array;

/** @returns undefined for a codec that is not read */
export async function pageDecompressor(codec: string): Promise<PageDecompressor | undefined> {
  const decompress = Object.hasOwn(codecs, codec) ? codecs[codec] : await lz4(codec);
  if (decompress === undefined) return undefined;
  return (bytes, length) => {
    const page = decompress(bytes, length);
    if (page.length !== length) throw new Error(`a page of ${length} bytes has ${page.length}`);
    // hyparquet makes views by the buffer: one that is shared would show what is not the page's.
    return page.byteLength === page.buffer.byteLength && page.constructor === Uint8Array ? page : new Uint8Array(page);
  };
}

/** Rare: loaded when it is needed. */
async function lz4(codec: string): Promise<Decompress | undefined> {
  if (codec !== "LZ4" && codec !== "LZ4_RAW") return undefined;
  const { decompressLz4, decompressLz4Raw } = await import("hyparquet-compressors");
  const decompress = codec === "LZ4" ? decompressLz4 : decompressLz4Raw;
  return (bytes, length) => {
    // Nothing at all is one byte there, which the decoder takes for more.
    if (length === 0) return new Uint8Array();
    checkRatio(bytes, length, MAX_LZ4_RATIO);
    return decompress(bytes, length);
  };
}

/** These two allocate a whole page at once: only after checking that it could be that long. */
function checkRatio({ length: compressed }: Uint8Array, length: number, most: number): void {
  if (length > compressed * most) throw new Error(`a page claims to unpack from ${compressed} bytes to ${length}`);
}

function unzstd(bytes: Uint8Array, length: number): Uint8Array {
  const decoder = new ZstdDecoder();
  const pieces: Uint8Array[] = [];
  let unpacked = 0;
  for (const piece of decoder.push(bytes)) {
    pieces.push(piece);
    unpacked += piece.length;
    if (unpacked > length) throw new Error(`a page of ${length} bytes has more`);
  }
  decoder.end();
  const page = new Uint8Array(unpacked);
  let at = 0;
  for (const piece of pieces) {
    page.set(piece, at);
    at += piece.length;
  }
  return page;
}

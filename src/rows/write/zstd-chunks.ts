/** Bytes as one zstd frame. */
import { Zstd } from "@hpcc-js/wasm-zstd";

export async function* zstdChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = await Zstd.load();
  zstd.reset();
  // A copy: the next call reuses the memory.
  for await (const chunk of chunks) yield Uint8Array.from(zstd.compressChunk(chunk));
  yield Uint8Array.from(zstd.compressEnd());
}

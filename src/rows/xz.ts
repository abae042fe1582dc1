/** xz, by xz-decompress: xz-embedded as WebAssembly, which checks CRC32 and CRC64 and reads files of several streams. */
import { createRequire } from "node:module";
import { ReadableStream } from "node:stream/web";
import type { XzReadableStream } from "xz-decompress";
import { oneLine } from "./damaged.ts";

type XzModule = { readonly XzReadableStream: typeof XzReadableStream };

/**
 * A module of its own for each file: all streams of one module share one memory, which never shrinks, and the package lets only
 * one of them decode at a time, so two files that are read in turns would wait for each other forever.
 */
function freshModule(): XzModule {
  const require = createRequire(import.meta.url);
  const path = require.resolve("xz-decompress");
  delete require.cache[path];
  return require(path) as XzModule;
}

/** @param onEnd called when the input has no more bytes. @throws Error with the decoder's error code */
export async function* decodeXz(chunks: AsyncIterable<Uint8Array>, onEnd: () => void): AsyncGenerator<Uint8Array> {
  const { XzReadableStream: Decoder } = freshModule();
  const iterator = chunks[Symbol.asyncIterator]();
  let failure: unknown;
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await iterator.next();
          if (!next.done) {
            controller.enqueue(next.value);
            return;
          }
          onEnd();
          controller.close();
        } catch (error) {
          failure = error;
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
  const reader = new Decoder(source as never).getReader();
  let isDone = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > 0) yield value;
    }
    isDone = true;
    // Bytes after the last stream are not the decoder's business.
    const rest = await iterator.next();
    if (!rest.done && rest.value.some((byte) => byte !== 0)) throw new Error("other data follows it");
  } catch (error) {
    isDone = true;
    throw failure ?? error;
  } finally {
    if (!isDone) await reader.cancel().catch(() => {});
    await iterator.return?.();
  }
}

/** The return codes of xz-embedded (enum xz_ret). */
const [MEMORY, MEMORY_LIMIT, FORMAT, OPTIONS, ENDED] = [3, 4, 5, 6, 8];

/** What is wrong with a file, to follow its name. @param position bytes that the decoder was given */
export function xzProblem(error: unknown, position: number, ended: boolean): string {
  const code = Number(/error code (\d+)/.exec(String(error))?.[1]);
  if (code === ENDED && ended) return `is truncated: it ends at byte ${position}, inside xz data`;
  if (code === MEMORY || code === MEMORY_LIMIT)
    return `needs more memory to decompress than is allowed (near byte ${position}): compress it with xz -9 or below`;
  if (code === OPTIONS)
    return `uses a filter or check of xz that is not supported (near byte ${position}): compress it with plain "xz"`;
  if (code === FORMAT) return `is damaged: it is not xz data near byte ${position}`;
  return `is damaged: its xz data cannot be read near byte ${position}${Number.isNaN(code) ? ` (${oneLine(error)})` : ""}`;
}

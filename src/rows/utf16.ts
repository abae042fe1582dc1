/** Text in UTF-16, as Windows PowerShell writes it with ">" and as Excel saves "Unicode text". */
import { peek } from "./compression.ts";
import { damaged } from "./damaged.ts";

export type WideEncoding = "utf-16le" | "utf-16be";

/** By its byte order mark; UTF-32 has the same one, followed by zeros. */
export function wideEncodingOf(head: Uint8Array): WideEncoding | undefined {
  const [a, b] = head;
  if (a === 0xff && b === 0xfe) return head[2] === 0 && head[3] === 0 ? undefined : "utf-16le";
  return a === 0xfe && b === 0xff ? "utf-16be" : undefined;
}

const MARK_BYTES = 4;

/** Text with a byte order mark of UTF-16 in UTF-8, without the mark; other bytes as they are. @throws FileError ERR_INVALID_DATA */
export async function* asUtf8(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  onWide: () => void = () => {},
): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(chunks, MARK_BYTES);
  try {
    const encoding = wideEncodingOf(head);
    if (encoding === undefined) {
      yield* all;
      return;
    }
    onWide();
    const decoder = new TextDecoder(encoding, { fatal: true });
    let position = 0;
    const decode = (chunk?: Uint8Array) => {
      try {
        return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
      } catch (error) {
        throw damaged(name, `is damaged: its UTF-16 text cannot be read near byte ${position}`, error);
      }
    };
    for await (const chunk of all) {
      const text = decode(chunk);
      position += chunk.length;
      if (text !== "") yield Buffer.from(text);
    }
    const rest = decode();
    if (rest !== "") yield Buffer.from(rest);
  } finally {
    await all.return(undefined);
  }
}

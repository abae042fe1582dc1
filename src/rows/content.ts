/** What an input holds, whatever it is called: its compression, then parquet or text. */
import type { ByteSource } from "../files/byte-source.ts";
import {
  type Compression,
  compressionOf,
  compressionOfName,
  decompressed,
  peek,
  prepended,
  refuseOthers,
  uncompressedName,
} from "./compression.ts";
import { damaged } from "./damaged.ts";
import { detectText, formatOfName, type InputFormat, MAX_SNIFFED_BYTES, type TextFormat } from "./format.ts";
import { checkEncoding } from "./input-head.ts";
import { asUtf8 } from "./utf16.ts";

const MAGIC_BYTES = 6;
const PARQUET_MAGIC = "PAR1";
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

export interface StoredInput {
  /** Its name in messages; its ending says what the format should be. */
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly source?: ByteSource | undefined;
}

export interface Content {
  readonly compression: Compression | undefined;
  /** What its name says, or who opened it. */
  readonly named: InputFormat | undefined;
  readonly isParquet: boolean;
  /** Of parquet as it is stored, of text in UTF-8. */
  readonly chunks: AsyncGenerator<Uint8Array>;
  /** Of parquet that is not compressed once more. */
  readonly source: ByteSource | undefined;
  /** Whether the text is of UTF-16: known with its first chunk. */
  isWide(): boolean;
  /** Call in any case. */
  close(): Promise<void>;
}

/** @param format what it is said to be. @throws FileError for what is neither */
export async function openContent(input: StoredInput, format?: InputFormat): Promise<Content> {
  const { name } = input;
  const { head, all } = await peek(input.chunks, MAGIC_BYTES);
  const close = async () => void (await all.return(undefined));
  try {
    const compression = compressionOf(head);
    const inside = compression === undefined ? { head, all } : await peek(decompressed(all, name), MAGIC_BYTES);
    const named = format ?? formatOfName(compression === undefined ? name : uncompressedName(name));
    if (inside.head.length === 0)
      refuseEmpty(name, compression === undefined ? compressionOfName(name) : undefined, named);
    if (isParquet(inside.head)) {
      const source = compression === undefined ? input.source : undefined;
      return { compression, named, isParquet: true, chunks: inside.all, source, isWide: () => false, close };
    }
    refuseOthers(inside.head, name);
    if (isWebPage(inside.head))
      throw damaged(name, "is a web page (HTML): the download was answered with a page; open it to see what it says");
    if (named === "parquet")
      throw damaged(name, format === undefined ? "is not a parquet file, despite its name" : "is not a parquet file");
    let isWide = false;
    const chunks = asUtf8(decompressed(inside.all, name), name, () => {
      isWide = true;
    });
    return { compression, named, isParquet: false, chunks, source: undefined, isWide: () => isWide, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The format of a text, and all of its chunks once more. `return` them in any case. @throws FileError for text that is no rows */
export async function findTextFormat(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  named: InputFormat | undefined,
): Promise<{ readonly found: TextFormat; readonly isBinary: boolean; readonly all: AsyncGenerator<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  let found: TextFormat | undefined;
  try {
    for (let lookedAt = 0, ended = false; found === undefined; ) {
      const next = await iterator.next();
      if (next.done) ended = true;
      else head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
      // Looking at all of it with every small chunk would take the square of its length.
      if (!ended && head.length < 2 * lookedAt && head.length < MAX_SNIFFED_BYTES) continue;
      lookedAt = head.length;
      // The reader of JSON names bytes that are not text further on.
      if (isBinary(head)) {
        checkEncoding(head, name, named === "csv" || named === "tsv" ? named.toUpperCase() : "JSON lines or JSON");
        found = { kind: "json" };
      } else found = await detectText(withoutMark(head), ended, named, name);
      if (ended) found ??= { kind: "json" };
    }
    return { found, isBinary: isBinary(head), all: prepended(head, iterator) };
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
}

function isParquet(head: Uint8Array): boolean {
  return latin1(head).startsWith(PARQUET_MAGIC);
}

/** What a server sends in place of a file: a form to log in, a list of conditions. */
function isWebPage(head: Uint8Array): boolean {
  return /^<(?:html|!doct)/i.test(latin1(head));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** An empty text may be no rows (csvRows() refuses it for its missing header); what has a header of its own is never empty. */
function refuseEmpty(name: string, compression: Compression | undefined, format: InputFormat | undefined): void {
  const kind = compression ?? (format === "parquet" ? format : undefined);
  if (kind === undefined) return;
  const article = kind === "xz" ? "an" : "a";
  throw damaged(name, `is empty, which ${article} ${kind} file never is: download or write it again`);
}

function isBinary(head: Uint8Array): boolean {
  return head.subarray(0, MAX_SNIFFED_BYTES).includes(0) || head[0] === 0xff || head[0] === 0xfe;
}

function withoutMark(head: Uint8Array): Uint8Array {
  return BYTE_ORDER_MARK.every((byte, i) => head[i] === byte) ? head.subarray(BYTE_ORDER_MARK.length) : head;
}

/** Rows of anything that has bytes: its compression, its format, then its rows. */
import { type ByteSource, openFile, renamed } from "../files/byte-source.ts";
import {
  type Compression,
  compressionOf,
  compressionOfName,
  counted,
  decompressed,
  peek,
  prepended,
  refuseOthers,
  uncompressedName,
} from "./compression.ts";
import { damaged } from "./damaged.ts";
import {
  DELIMITER_NAMES,
  detectText,
  formatOfName,
  type InputFormat,
  MAX_SNIFFED_BYTES,
  type TextFormat,
} from "./format.ts";
import { checkEncoding } from "./input-head.ts";
import { readJsonRows } from "./json-rows.ts";
import type { Row } from "./row.ts";
import { spool } from "./spool.ts";
import { asUtf8 } from "./utf16.ts";

/** What rows are read from. */
export interface RowInput {
  /** Its name in messages; its ending says what the format should be. */
  readonly name: string;
  /** The bytes as they are stored. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The same by position, where that is possible: parquet is read so. */
  readonly source?: ByteSource | undefined;
  /** In bytes, as stored, where it is known. */
  readonly size?: number | undefined;
}

export interface ReadRowsOptions {
  /** The format, where it is known; default: recognised. */
  readonly format?: InputFormat | undefined;
  /** Told once about a file whose name says something else than its content. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Called before each row with the part of the input that was read, from 0 to 1; not where its length is not known. */
  readonly onFraction?: ((fraction: number) => void) | undefined;
}

/** Read at once: large enough that a disk is busy, small beside a row. */
const CHUNK_BYTES = 256 * 1024;
const MAGIC_BYTES = 6;
/** Of a compressed file: smaller ones are read in a few pieces, which say nothing about how many rows are left. */
const MIN_COUNTED_BYTES = 16 * CHUNK_BYTES;
const PARQUET_MAGIC = "PAR1";
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** The rows of an open file. @throws FileError */
export function rowsOf(source: ByteSource, options: ReadRowsOptions = {}): AsyncGenerator<Row> {
  return readRows({ name: source.path, chunks: chunksOf(source), source, size: source.size }, options);
}

/** @throws FileError for an input that cannot be read further */
export async function* readRows(input: RowInput, options: ReadRowsOptions = {}): AsyncGenerator<Row> {
  const { name, size = 0 } = input;
  const taken = { bytes: 0 };
  const { head, all } = await peek(counted(input.chunks, taken), MAGIC_BYTES);
  let source: ByteSource | undefined;
  try {
    const compression = compressionOf(head);
    if (compression === undefined) source = input.source;
    const inside = compression === undefined ? { head, all } : await peek(decompressed(all, name), MAGIC_BYTES);
    const inner = compression === undefined ? name : uncompressedName(name);
    const { format = formatOfName(inner) } = options;
    if (inside.head.length === 0)
      refuseEmpty(name, compression === undefined ? compressionOfName(name) : undefined, format);
    if (isParquet(inside.head)) {
      yield* readParquet(inside.all, source, name, options);
      return;
    }
    refuseOthers(inside.head, name);
    if (isWebPage(inside.head))
      throw damaged(name, "is a web page (HTML): the download was answered with a page; open it to see what it says");
    if (format === "parquet")
      throw damaged(
        name,
        options.format === undefined ? "is not a parquet file, despite its name" : "is not a parquet file",
      );
    let isWide = false;
    const text = asUtf8(decompressed(inside.all, name), name, () => {
      isWide = true;
    });
    for await (const row of readText(text, name, format, options)) {
      if (compression === undefined && !isWide && size > 0) options.onFraction?.(Math.min(1, row.endOffset / size));
      else if (size >= MIN_COUNTED_BYTES) options.onFraction?.(taken.bytes / size);
      yield row;
    }
  } finally {
    await all.return(undefined);
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

/** Parquet begins at its end: what is a stream, or compressed once more, is written to a temporary file first. */
async function* readParquet(
  chunks: AsyncGenerator<Uint8Array>,
  source: ByteSource | undefined,
  name: string,
  { onFraction }: ReadRowsOptions,
): AsyncGenerator<Row> {
  // Loaded when it is needed: most runs do without.
  const { parquetRows } = await import("./parquet/parquet-rows.ts");
  if (source !== undefined) {
    yield* parquetRows(source, onFraction);
    return;
  }
  const copy = await spool(chunks, name);
  try {
    const opened = await openFile(copy.path);
    try {
      yield* parquetRows(renamed(opened, { path: name, identity: opened.identity }), onFraction);
    } finally {
      await opened.close();
    }
  } finally {
    await copy.remove();
  }
}

async function* readText(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  named: InputFormat | undefined,
  { onNotice, format }: ReadRowsOptions,
): AsyncGenerator<Row> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  let found: TextFormat | undefined;
  let all = prepended(head, iterator);
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
    all = prepended(head, iterator);
    const notice = isBinary(head) ? undefined : noticeOf(found, named, format !== undefined);
    if (notice !== undefined) onNotice?.(`${name} ${notice}`);
    if (found.kind === "json") yield* jsonRows(all, name, onNotice);
    else {
      const { csvRows } = await import("./csv-rows.ts");
      yield* csvRows(all, name, found.delimiter);
    }
  } finally {
    await all.return(undefined);
  }
}

function isBinary(head: Uint8Array): boolean {
  return head.subarray(0, MAX_SNIFFED_BYTES).includes(0) || head[0] === 0xff || head[0] === 0xfe;
}

function withoutMark(head: Uint8Array): Uint8Array {
  return BYTE_ORDER_MARK.every((byte, i) => head[i] === byte) ? head.subarray(BYTE_ORDER_MARK.length) : head;
}

/** What is worth saying about a format, to follow the file's name. */
function noticeOf(found: TextFormat, named: InputFormat | undefined, isChosen: boolean): string | undefined {
  const despite = isChosen ? ", not what --input-format says" : ", despite its name";
  if (found.kind === "json") return named === "csv" || named === "tsv" ? `is JSON${despite}` : undefined;
  const { delimiter } = found;
  const fields = `with ${DELIMITER_NAMES[delimiter]} between its fields`;
  if (named === "json" || named === "jsonl") return `is CSV ${fields}${despite}`;
  if (named === "csv") return delimiter === "," ? undefined : `is CSV ${fields}`;
  if (named === "tsv") return delimiter === "\t" ? undefined : `is CSV ${fields}${despite}`;
  return delimiter === "," || delimiter === "\t" ? undefined : `is CSV ${fields}`;
}

async function* jsonRows(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  onNotice: ReadRowsOptions["onNotice"],
): AsyncGenerator<Row> {
  let row = 0;
  for await (const { where, endOffset, ...rest } of readJsonRows(chunks, name, onNotice)) {
    row += 1;
    if ("error" in rest) yield { row, where, endOffset, error: rest.error };
    else yield { row, where, endOffset, value: rest.value, json: rest.source };
  }
}

export async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < source.size; position += CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, source.size - position));
    await source.read(position, chunk);
    yield chunk;
  }
}

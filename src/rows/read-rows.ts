/** Rows of anything that has bytes: its compression, its format, then its rows. */
import { type ByteSource, openFile, renamed } from "../files/byte-source.ts";
import { counted } from "./compression.ts";
import { findTextFormat, openContent } from "./content.ts";
import { DELIMITER_NAMES, type InputFormat, type TextFormat } from "./format.ts";
import { readJsonRows } from "./json-rows.ts";
import type { Row } from "./row.ts";
import { spool } from "./spool.ts";

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
/** Of a compressed file: smaller ones are read in a few pieces, which say nothing about how many rows are left. */
const MIN_COUNTED_BYTES = 16 * CHUNK_BYTES;

/** The rows of an open file. @throws FileError */
export function rowsOf(source: ByteSource, options: ReadRowsOptions = {}): AsyncGenerator<Row> {
  return readRows({ name: source.path, chunks: chunksOf(source), source, size: source.size }, options);
}

/** @throws FileError for an input that cannot be read further */
export async function* readRows(input: RowInput, options: ReadRowsOptions = {}): AsyncGenerator<Row> {
  const { name, size = 0 } = input;
  const taken = { bytes: 0 };
  const content = await openContent({ ...input, chunks: counted(input.chunks, taken) }, options.format);
  try {
    const { compression, named, isParquet, chunks, source } = content;
    if (isParquet) {
      yield* readParquet(chunks, source, name, options);
      return;
    }
    for await (const row of readText(chunks, name, named, options)) {
      if (compression === undefined && !content.isWide() && size > 0)
        options.onFraction?.(Math.min(1, row.endOffset / size));
      else if (size >= MIN_COUNTED_BYTES) options.onFraction?.(taken.bytes / size);
      yield row;
    }
  } finally {
    await content.close();
  }
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
  const { found, isBinary, all } = await findTextFormat(chunks, name, named);
  try {
    const notice = isBinary ? undefined : noticeOf(found, named, format !== undefined);
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

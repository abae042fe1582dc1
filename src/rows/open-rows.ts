/** A file of rows. The format is recognised by content, only CSV and TSV by file name. */
import { createHash } from "node:crypto";
import { invalidArgument } from "../errors.ts";
import { type ByteSource, openFile, renamed } from "../files/byte-source.ts";
import { aString, checkOptions } from "../options.ts";
import { compressionOf, decompressed } from "./compression.ts";
import { damaged } from "./damaged.ts";
import { readJsonRows } from "./json-rows.ts";
import type { Row } from "./row.ts";

/** Options of openRows(). */
export interface OpenRowsOptions {
  /** Its name in messages; default: its path. The extension identifies CSV. */
  readonly name?: string | undefined;
}

/** An open file of rows. */
export interface RowFile {
  /** Its name in messages. */
  readonly name: string;
  /**
   * The rows in the order of the file, read on demand; each loop starts again. A row that cannot be read is an error in its
   * place; if the file cannot be read further, the loop throws a FileError.
   */
  readonly rows: AsyncIterable<Row>;
  /** Of the file as stored, in hex. @throws FileError */
  sha256(): Promise<string>;
  /** Call when no loop is running. */
  close(): Promise<void>;
}

/** Read at once: large enough that a disk is busy, small beside a row. */
const CHUNK_BYTES = 256 * 1024;
const MAGIC_BYTES = 6;
const PARQUET_MAGIC = "PAR1";

/**
 * Opens parquet, JSON lines, a JSON array, JSON values one after another, or CSV with a first line of names (".csv", ".tsv");
 * all but parquet also compressed with gzip or zstd.
 *
 * @throws FileError ERR_FILE_NOT_READABLE; ERR_INVALID_DATA comes with the rows
 */
export async function openRows(path: string, options: OpenRowsOptions = {}): Promise<RowFile> {
  const wrongPath = aString(path);
  if (wrongPath !== undefined) throw invalidArgument("path", wrongPath, path);
  options = checkOptions("openRows", options, { name: aString });
  const source = await openFile(path);
  const name = options.name ?? path;
  const named = renamed(source, { path: name, identity: source.identity });
  return {
    name,
    rows: { [Symbol.asyncIterator]: () => rowsOf(named) },
    async sha256() {
      const hash = createHash("sha256");
      for await (const chunk of chunksOf(named)) hash.update(chunk);
      return hash.digest("hex");
    },
    close: () => source.close(),
  };
}

/** The rows of an open file; its path tells CSV. @throws FileError */
export async function* rowsOf(source: ByteSource): AsyncGenerator<Row> {
  const head = Buffer.alloc(Math.min(MAGIC_BYTES, source.size));
  await source.read(0, head);
  if (head.toString("latin1").startsWith(PARQUET_MAGIC)) {
    // Loaded when it is needed: most runs do without.
    const { parquetRows } = await import("./parquet/parquet-rows.ts");
    yield* parquetRows(source);
    return;
  }
  const name = source.path;
  const compression = compressionOf(head);
  const chunks = decompressed(chunksOf(source), name);
  const inner = compression === undefined ? name : name.replace(/\.(?:gz|gzip|zst|zstd)$/i, "");
  if (/\.parquet$/i.test(inner) && compression === undefined && source.size > 0)
    throw damaged(name, "is not a parquet file, despite its name");
  const delimiter = delimiterOf(inner);
  if (delimiter === undefined) yield* jsonRows(chunks, name);
  else {
    const { csvRows } = await import("./csv-rows.ts");
    yield* csvRows(chunks, name, delimiter);
  }
}

function delimiterOf(name: string): "," | "\t" | undefined {
  if (/\.csv$/i.test(name)) return ",";
  return /\.tsv$/i.test(name) ? "\t" : undefined;
}

async function* jsonRows(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Row> {
  let row = 0;
  for await (const { where, ...rest } of readJsonRows(chunks, name)) {
    row += 1;
    yield "error" in rest ? { row, where, error: rest.error } : { row, where, value: rest.value };
  }
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < source.size; position += CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, source.size - position));
    await source.read(position, chunk);
    yield chunk;
  }
}

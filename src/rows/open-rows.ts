/** A file of rows, in any format. */
import { createHash } from "node:crypto";
import { invalidArgument } from "../errors.ts";
import { openFile, renamed } from "../files/byte-source.ts";
import { aFunction, aString, checkOptions, oneOf } from "../options.ts";
import { type InputFormat, inputFormats } from "./format.ts";
import { chunksOf, rowsOf } from "./read-rows.ts";
import type { Row } from "./row.ts";

/** Options of openRows(). */
export interface OpenRowsOptions {
  /** Its name in messages; default: its path. Its ending says what the format should be. */
  readonly name?: string | undefined;
  /** The format. Default: recognised by name and content. */
  readonly format?: InputFormat | undefined;
  /** Called with what is worth knowing about the file, for example that its name says another format than its content. */
  readonly onNotice?: ((message: string) => void) | undefined;
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

/**
 * Opens parquet, JSON lines, a JSON array, JSON values one after another, or CSV with a first line of names (also with tabs,
 * semicolons or vertical bars between its fields); all of them also compressed with gzip, zstd or xz. The format is recognised
 * by the file's name and its first lines.
 *
 * @throws FileError ERR_FILE_NOT_READABLE; ERR_INVALID_DATA comes with the rows
 */
export async function openRows(path: string, options: OpenRowsOptions = {}): Promise<RowFile> {
  const wrongPath = aString(path);
  if (wrongPath !== undefined) throw invalidArgument("path", wrongPath, path);
  options = checkOptions("openRows", options, { name: aString, format: oneOf(inputFormats), onNotice: aFunction });
  const source = await openFile(path);
  const name = options.name ?? path;
  const named = renamed(source, { path: name, identity: source.identity });
  return {
    name,
    rows: { [Symbol.asyncIterator]: () => rowsOf(named, options) },
    async sha256() {
      const hash = createHash("sha256");
      for await (const chunk of chunksOf(named)) hash.update(chunk);
      return hash.digest("hex");
    },
    close: () => source.close(),
  };
}

/** Inputs as rows of items: what readItems() and the command line read. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isStarlingError, type StarlingError } from "../errors.ts";
import { notReadable } from "../files/file-errors.ts";
import { systemReason } from "../files/system-errors.ts";
import type { DatasetOptions } from "../hub/dataset-files.ts";
import { FieldMap, type FieldMapping } from "../prompt/field-map.ts";
import { isObject } from "../prompt/input-fields.ts";
import type { CheckedItem } from "../prompt/items.ts";
import { explained } from "../prompt/row-advice.ts";
import { CONTENT_FIELDS, ROW_SHAPES, type RowItems, rowItems } from "../prompt/row-items.ts";
import { type ItemWarning, strictError } from "../prompt/warnings.ts";
import { damaged } from "../rows/damaged.ts";
import type { InputFormat } from "../rows/format.ts";
import { readRows } from "../rows/read-rows.ts";
import type { Row } from "../rows/row.ts";
import { findFiles, type InputFile } from "./find-files.ts";
import { firstNotices } from "./notices.ts";
import { type OpenInput, openInput, STANDARD_INPUT } from "./open-input.ts";

/** A row, and the items that it asks to score. */
export type ItemRow = {
  /** The file's name: a path, "standard input", or "hf:OWNER/NAME@COMMIT/PATH". */
  readonly file: string;
  /** Number of the row in its file, from 1. */
  readonly row: number;
  /** Where an editor finds it: "line 12", "row 12" of a parquet file; with several inputs after the file's name. */
  readonly where: string;
  /** The row as it is in the file, with all its fields; of CSV and parquet an object by column. Absent if it cannot be read. */
  readonly value?: unknown;
  /** The row's text in standard JSON (NaN is null), with all digits of long numbers. Only of JSON. */
  readonly json?: string;
  /** The row is of a table: every row has the same columns. */
  readonly isTable?: true;
  /** Decompressed bytes of all inputs up to the end of the row; of parquet, characters of its texts. */
  readonly endOffset: number;
  /** The part of all inputs that was read with this row, from 0 to 1; absent where their length is not known. */
  readonly fraction?: number;
} & (
  | {
      /** One item, or one for each of the row's responses. */
      readonly items: readonly CheckedItem[];
      /** Whether the row has "responses", and so a list of scores. */
      readonly many: boolean;
      /** What is legal in the row but usually a mistake, where the file's format shows it. */
      readonly warnings: readonly ItemWarning[];
      /** Which fields of the row became which, where names differ: { prompt: ["question"] }. Absent if none do. */
      readonly from?: Readonly<Record<string, readonly string[]>>;
    }
  | {
      /** Why nothing can be scored in this row. */
      readonly error: StarlingError;
    }
);

/** Options of readItems(): how rows are read, and access to the hub. */
export interface ReadItemsOptions extends DatasetOptions {
  /** The format of all inputs. Default: recognised by name and content. */
  readonly format?: InputFormat | undefined;
  /** Names of fields to ignore, as if rows did not have them. Default: none. */
  readonly ignoreFields?: readonly string[] | undefined;
  /** Make a row with a warning an error. Default: false. */
  readonly strict?: boolean | undefined;
  /** Called with what is worth knowing about the rows, each thing once and five at most: 'reading prompt from "question"'. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface SourceRules extends ReadItemsOptions {
  /** Several responses to a prompt are wanted: of a preference, both. */
  readonly many?: boolean;
}

export class ItemSource {
  readonly files: readonly InputFile[];
  readonly #fieldMap: FieldMap;
  readonly #options: SourceRules;
  /** Of all files; undefined where one has no known size. */
  readonly #size: number | undefined;
  readonly #tell: (notice: string) => void;
  #open: OpenInput | undefined;
  #closed = false;

  private constructor(files: readonly InputFile[], size: number | undefined, map: FieldMap, options: SourceRules) {
    this.files = files;
    this.#size = size;
    this.#fieldMap = map;
    this.#options = options;
    this.#tell = firstNotices(options.onNotice);
  }

  /**
   * Finds the inputs and checks that they can be read.
   *
   * @throws InvalidInputError, FileError or HubError
   */
  static async open(inputs: readonly string[], mapping: FieldMapping, options: SourceRules): Promise<ItemSource> {
    const { endpoint, token, cacheFolder, onProgress, signal } = options;
    const map = fieldMapOf(mapping, options);
    signal?.throwIfAborted();
    return ItemSource.#of(await findFiles(inputs, { endpoint, token, cacheFolder, onProgress, signal }), map, options);
  }

  /**
   * The rows of one file, whatever its path: messages call it by its name.
   *
   * @throws InvalidInputError or FileError
   */
  static async ofFile(file: InputFile, mapping: FieldMapping, options: SourceRules): Promise<ItemSource> {
    return ItemSource.#of([file], fieldMapOf(mapping, options), options);
  }

  static async #of(files: readonly InputFile[], map: FieldMap, options: SourceRules): Promise<ItemSource> {
    let size: number | undefined = 0;
    for (const file of files) {
      const own = await sizeOf(file);
      size = size === undefined || own === undefined ? undefined : size + own;
    }
    return new ItemSource(files, size, map, options);
  }

  /** The sentence for a source in which nothing was found. */
  get noRows(): string {
    const [first] = this.files;
    return this.files.length === 1 && first !== undefined
      ? `${first.name} has no rows`
      : `none of the ${this.files.length} inputs has rows`;
  }

  /** The rows of all files, in order. @throws FileError for a file that cannot be read further */
  async *rows(): AsyncGenerator<ItemRow, void, undefined> {
    let [offset, bytesBefore] = [0, 0];
    for (const file of this.files) {
      if (this.#closed) return;
      const input = await openInput(file.path, file.name);
      this.#open = input;
      try {
        let endOffset = 0;
        let fraction: number | undefined;
        let isFirst = true;
        const { format, signal } = this.#options;
        const rows = readRows(input, {
          format,
          onNotice: this.#tell,
          onFraction: (part) => {
            fraction = part;
          },
        });
        for await (const row of rows) {
          signal?.throwIfAborted();
          if (isFirst) this.#checkColumns(row, input.name);
          isFirst = false;
          endOffset = row.endOffset;
          const done = this.#fraction(bytesBefore, fraction, input.size);
          yield this.#itemRow(row, input.name, offset + endOffset, done);
        }
        offset += endOffset;
        bytesBefore += input.size ?? 0;
      } finally {
        await input.close();
        this.#open = undefined;
      }
    }
  }

  /** Ends a loop, even one that waits for standard input. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#open?.close();
  }

  #fraction(before: number, part: number | undefined, size: number | undefined): number | undefined {
    if (this.#size === undefined || part === undefined || size === undefined) return undefined;
    return this.#size === 0 ? 1 : Math.min(1, (before + part * size) / this.#size);
  }

  #itemRow(row: Row, file: string, endOffset: number, fraction: number | undefined): ItemRow {
    const place = {
      file,
      row: row.row,
      where: this.files.length === 1 ? row.where : `${file}, ${row.where}`,
      endOffset,
      ...(row.isTable ? { isTable: row.isTable } : {}),
      ...(fraction === undefined ? {} : { fraction }),
    };
    if ("error" in row) return { ...place, error: row.error };
    const { value, json } = row;
    const read = { ...place, value, ...(json === undefined ? {} : { json }) };
    try {
      return { ...read, ...this.#items(row, value) };
    } catch (error) {
      if (!isStarlingError(error)) throw error;
      return { ...read, error };
    }
  }

  #items({ isCsv }: Row, value: unknown): RowItems & { readonly from?: Readonly<Record<string, readonly string[]>> } {
    const { ignoreFields, strict = false } = this.#options;
    const rules = { ignoreFields, isCsv: isCsv === true };
    if (!isObject(value)) return rowItems(value, rules);
    const { fields, from, notice } = this.#fieldMap.read(value);
    if (notice !== undefined) this.#tell(notice);
    try {
      const items = rowItems(fields, { ...rules, from });
      const [warning] = items.warnings;
      if (strict && warning !== undefined) throw strictError(warning, "The row");
      return from.size === 0 ? items : { ...items, from: Object.fromEntries(from) };
    } catch (error) {
      throw isStarlingError(error) ? explained(error, fields, from) : error;
    }
  }

  /** A table without the columns to score would fail in every row. */
  #checkColumns(row: Row, name: string): void {
    if (!row.isTable || "error" in row || !isObject(row.value)) return;
    const problem = this.#fieldMap.tableProblem(Object.keys(row.value), ROW_SHAPES);
    if (problem !== undefined) throw damaged(name, problem);
  }
}

function fieldMapOf(mapping: FieldMapping, { ignoreFields, many = false }: SourceRules): FieldMap {
  return new FieldMap(mapping, CONTENT_FIELDS, { ignoreFields, many });
}

/** Undefined for standard input and for pipes. @throws FileError for a file that is not there or may not be read */
async function sizeOf({ name, path }: InputFile): Promise<number | undefined> {
  if (path === STANDARD_INPUT) return undefined;
  try {
    const stats = await stat(path);
    await access(path, constants.R_OK);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    throw notReadable(name, systemReason(error), error);
  }
}

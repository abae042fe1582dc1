/** One column of one row group, page by page: hyparquet decodes a page, rows come out in the order of the file. */
import type { DecodedArray, PageHeader, SchemaElement } from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert } from "hyparquet/src/convert.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { type ByteSource, quote, readAlone } from "../../files/byte-source.ts";
import { damaged, guarded } from "../damaged.ts";
import type { Chunk, Leaf } from "./footer.ts";
import { checkPageContent, checkPageHeader, MAX_PAGE_BYTES, MAX_PAGE_VALUES, type PageShape } from "./page-check.ts";
import { type PageDecompressor, pageDecompressor } from "./page-codecs.ts";
import { checkThrift, EndedEarly } from "./thrift-check.ts";
import { parsers, parsersOfBytes } from "./values.ts";

/** Most headers take 50 bytes; those with the page's smallest and largest value take more. */
const HEADER_BYTES = 4 * 1024;
const MAX_HEADER_BYTES = 1024 * 1024;

interface Decoder {
  readonly pathInSchema: string[];
  readonly type: NonNullable<SchemaElement["type"]>;
  readonly element: SchemaElement;
  readonly schemaPath: Leaf["path"][number][];
  readonly codec: "UNCOMPRESSED";
  readonly parsers: typeof parsers;
}

export class ColumnReader {
  readonly #source: ByteSource;
  readonly #chunk: Chunk;
  readonly #name: string;
  readonly #decompress: PageDecompressor;
  readonly #decoder: Decoder;
  readonly #shape: PageShape;
  #position: number;
  /** Values of the chunk that have not come yet. */
  #valuesLeft: number;
  #dictionary: DecodedArray | undefined;
  /** Whole rows of the current page. */
  #rows: DecodedArray = [];
  #next = 0;
  /** The last row so far, which the next page may continue; a list of at most one. */
  #open: unknown[] = [];
  #openValues = 0;
  #openBytes = 0;

  private constructor(source: ByteSource, leaf: Leaf, chunk: Chunk, decompress: PageDecompressor) {
    const schemaPath = [...leaf.path];
    const element = schemaPath.at(-1)?.element as SchemaElement;
    this.#source = source;
    this.#chunk = chunk;
    this.#name = quote(leaf.name);
    this.#decompress = decompress;
    this.#decoder = {
      pathInSchema: schemaPath.slice(1).map((node) => node.element.name),
      type: element.type as Decoder["type"],
      element,
      schemaPath,
      codec: "UNCOMPRESSED",
      parsers: element.converted_type === undefined && element.logical_type === undefined ? parsersOfBytes : parsers,
    };
    this.#shape = {
      maxRepetition: getMaxRepetitionLevel(schemaPath),
      maxDefinition: getMaxDefinitionLevel(schemaPath),
      isBoolean: element.type === "BOOLEAN",
    };
    this.#position = chunk.start;
    this.#valuesLeft = chunk.values;
  }

  /** @throws FileError for a codec that is not read */
  static async open(source: ByteSource, leaf: Leaf, chunk: Chunk): Promise<ColumnReader> {
    const decompress = await pageDecompressor(chunk.codec);
    if (decompress !== undefined) return new ColumnReader(source, leaf, chunk, decompress);
    throw damaged(
      source.path,
      `is compressed with ${chunk.codec}, which is not supported: write it with zstd or snappy`,
    );
  }

  /** Reads on until a row is there. @returns how many can be taken; 0 at the end of the column */
  async available(): Promise<number> {
    while (this.#next === this.#rows.length && this.#valuesLeft > 0) await this.#readPage();
    return this.#rows.length - this.#next;
  }

  /** At most as many as are {@link available}. */
  take(count: number): DecodedArray {
    const taken = this.#rows.slice(this.#next, this.#next + count);
    this.#next += count;
    return taken;
  }

  async #readPage(): Promise<void> {
    const { header, length } = await this.#readHeader();
    const { path } = this.#source;
    const problem = `is damaged: its column ${this.#name} cannot be read`;
    const values = guarded(path, problem, () => checkPageHeader(header));
    const start = this.#position + length;
    if (start + header.compressed_page_size > this.#chunk.end) throw damaged(path, `${problem}: a page is truncated`);
    const compressed = await readAlone(this.#source, start, header.compressed_page_size);
    this.#position = start + header.compressed_page_size;
    guarded(path, problem, () => this.#decode(header, compressed, values));
  }

  #decode(header: PageHeader, compressed: Uint8Array, values: number): void {
    const bytes = this.#unpack(header, compressed);
    const plain = { ...header, compressed_page_size: bytes.length };
    const reader = { view: new DataView(bytes.buffer), offset: 0 };
    if (header.type === "DICTIONARY_PAGE") {
      const { data } = readPage(reader, plain, this.#decoder, undefined, undefined, 0);
      if (data !== undefined) this.#dictionary = convert(data, this.#decoder);
      return;
    }
    if (values > this.#valuesLeft) throw new Error("it has more values than its metadata says");
    // Some writers end a column with an empty page.
    if (values === 0) return;
    checkPageContent(bytes, header, this.#shape);
    this.#valuesLeft -= values;
    if (this.#shape.maxRepetition === 0) {
      this.#rows = readPage(reader, plain, this.#decoder, this.#dictionary, undefined, 0).data ?? [];
      this.#next = 0;
      if (this.#rows.length !== values) throw new Error("a page has a different number of rows than it claims");
      return;
    }
    const rows = readPage(reader, plain, this.#decoder, this.#dictionary, this.#open, 0).data as unknown[];
    // Only the next page shows whether it continues the last row.
    const open = this.#valuesLeft > 0 ? rows.splice(-1) : [];
    const isSameRow = rows.length === 0;
    this.#open = open;
    this.#openValues = (isSameRow ? this.#openValues : 0) + values;
    this.#openBytes = (isSameRow ? this.#openBytes : 0) + bytes.length;
    if (this.#openValues > MAX_PAGE_VALUES || this.#openBytes > 2 * MAX_PAGE_BYTES)
      throw new Error(`a row has more than ${MAX_PAGE_VALUES} values or ${MAX_PAGE_BYTES} bytes`);
    this.#rows = rows;
    this.#next = 0;
  }

  /** The page's bytes; in the second version of data pages the levels before the values are never compressed. */
  #unpack(header: PageHeader, compressed: Uint8Array): Uint8Array {
    const { uncompressed_page_size: size, data_page_header_v2: two } = header;
    if (two === undefined) return this.#decompress(compressed, size);
    if (two.is_compressed === false) return compressed;
    const levels = two.repetition_levels_byte_length + two.definition_levels_byte_length;
    const values = compressed.subarray(levels);
    const page = new Uint8Array(size);
    page.set(compressed.subarray(0, levels));
    // Some writers leave nothing at all in place of no values.
    page.set(values.length === 0 ? values : this.#decompress(values, size - levels), levels);
    return page;
  }

  async #readHeader(): Promise<{ header: PageHeader; length: number }> {
    const { path } = this.#source;
    const problem = `is damaged: a page of its column ${this.#name} cannot be found`;
    for (let length = HEADER_BYTES; ; length *= 4) {
      const room = this.#chunk.end - this.#position;
      if (room <= 0) throw damaged(path, `is damaged: its column ${this.#name} ends too early`);
      const bytes = await readAlone(this.#source, this.#position, Math.min(length, room));
      try {
        const end = checkThrift(bytes);
        return guarded(path, problem, () => ({
          header: parquetHeader({ view: new DataView(bytes.buffer), offset: 0 }),
          length: end,
        }));
      } catch (error) {
        if (error instanceof EndedEarly && length < room && length < MAX_HEADER_BYTES) continue;
        throw guarded(path, problem, () => {
          throw error;
        });
      }
    }
  }
}

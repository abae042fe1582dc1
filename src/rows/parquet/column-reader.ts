/** One column of one row group, page by page: hyparquet decodes a page, rows come out in the order of the file. */
import type { DecodedArray, PageHeader, SchemaElement } from "hyparquet";
import { type ByteSource, quote, readAlone } from "../../files/byte-source.ts";
import { damaged, guarded, guardedAsync } from "../damaged.ts";
import { decodePages, type Page, type PageColumn, startedRow } from "./decode-pages.ts";
import type { Chunk, Leaf } from "./footer.ts";
import { checkPageContent, checkPageHeader, MAX_PAGE_BYTES, MAX_PAGE_VALUES, type PageShape } from "./page-check.ts";
import { type PageDecompressor, pageDecompressor } from "./page-codecs.ts";
import { readPageHeader } from "./page-header.ts";
import { rowStarts } from "./row-starts.ts";
import { checkThrift, EndedEarly } from "./thrift-check.ts";
import { parsers, parsersOfBytes } from "./values.ts";

/** Most headers take 50 bytes; those with the page's smallest and largest value take more. */
const HEADER_BYTES = 4 * 1024;
const MAX_HEADER_BYTES = 1024 * 1024;

/** The last row of a list column so far, which the next page may continue. */
interface OpenRow {
  /** From the page in which it begins. */
  readonly pages: Page[];
  /** Whether that page begins with a row. */
  readonly startsWithRow: boolean;
  /** Rows of that page before this one; the end of a row at its start counts. */
  readonly rowsBefore: number;
  values: number;
  bytes: number;
}

export class ColumnReader {
  readonly #source: ByteSource;
  readonly #chunk: Chunk;
  readonly #name: string;
  readonly #decompress: PageDecompressor;
  readonly #column: PageColumn;
  readonly #shape: PageShape;
  #position: number;
  /** Values of the chunk that have not come yet. */
  #valuesLeft: number;
  #dictionary: Page | undefined;
  /** Whole rows of the current page. */
  #rows: DecodedArray = [];
  #next = 0;
  #open: OpenRow | undefined;

  private constructor(source: ByteSource, leaf: Leaf, chunk: Chunk, decompress: PageDecompressor) {
    const element = leaf.path.at(-1)?.element as SchemaElement;
    const isPlain = element.converted_type === undefined && element.logical_type === undefined;
    const repetitions = leaf.path.slice(1).map((node) => node.element.repetition_type);
    this.#source = source;
    this.#chunk = chunk;
    this.#name = quote(leaf.name);
    this.#decompress = decompress;
    this.#column = { path: leaf.path, codec: chunk.codec, parsers: isPlain ? parsersOfBytes : parsers };
    this.#shape = {
      maxRepetition: repetitions.filter((repetition) => repetition === "REPEATED").length,
      maxDefinition: repetitions.filter((repetition) => repetition !== "REQUIRED").length,
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
    const bytes = await readAlone(this.#source, this.#position, length + header.compressed_page_size);
    this.#position = start + header.compressed_page_size;
    await guardedAsync(path, problem, () => this.#add(header, bytes, length, values));
  }

  async #add(header: PageHeader, bytes: Uint8Array, headerBytes: number, values: number): Promise<void> {
    const { unpacked, content } = this.#unpack(header, bytes.subarray(headerBytes));
    const page: Page = { header, bytes, content: this.#chunk.codec === "UNCOMPRESSED" ? undefined : content };
    if (header.type === "DICTIONARY_PAGE") {
      this.#dictionary = page;
      return;
    }
    if (values > this.#valuesLeft) throw new Error("it has more values than its metadata says");
    // Some writers end a column with an empty page.
    if (values === 0) return;
    checkPageContent(unpacked, header, this.#shape);
    this.#valuesLeft -= values;
    this.#next = 0;
    if (this.#shape.maxRepetition > 0) {
      this.#rows = await this.#addToList(page, unpacked, values);
      return;
    }
    this.#rows = await this.#decode([page], values);
    if (this.#rows.length !== values) throw new Error("a page has a different number of rows than it claims");
  }

  /** @returns the rows that the page completes */
  async #addToList(page: Page, unpacked: Uint8Array, values: number): Promise<DecodedArray> {
    const { maxRepetition, maxDefinition } = this.#shape;
    const starts = rowStarts(unpacked, page.header, maxRepetition);
    if (this.#open === undefined && !starts.atFirst) throw new Error("it does not begin with a row");
    const open = this.#open ?? { pages: [], startsWithRow: true, rowsBefore: 0, values: 0, bytes: 0 };
    open.pages.push(page);
    if (starts.count === 0) {
      open.values += values;
      open.bytes += unpacked.length;
      if (open.values > MAX_PAGE_VALUES || open.bytes > 2 * MAX_PAGE_BYTES)
        throw new Error(`a row has more than ${MAX_PAGE_VALUES} values or ${MAX_PAGE_BYTES} bytes`);
      // Decoding what has come of a long row with each of its pages would take the square of its length.
      if (this.#valuesLeft > 0) return [];
    }
    const { path, codec } = this.#column;
    const before = open.startsWithRow ? [] : [startedRow(path, codec, maxRepetition, maxDefinition)];
    const rows = await this.#decode([...before, ...open.pages], values);
    if (this.#valuesLeft === 0) {
      this.#open = undefined;
      return rows.slice(open.rowsBefore);
    }
    this.#open = {
      pages: [page],
      startsWithRow: starts.atFirst,
      rowsBefore: starts.count - (starts.atFirst ? 1 : 0),
      values,
      bytes: unpacked.length,
    };
    // Only the next page shows whether it continues the last row.
    return rows.slice(open.rowsBefore, -1);
  }

  #decode(pages: readonly Page[], rows: number): Promise<DecodedArray> {
    const usesDictionary = pages.some(({ header }) =>
      (header.data_page_header ?? header.data_page_header_v2)?.encoding.endsWith("_DICTIONARY"),
    );
    const dictionary = usesDictionary && this.#dictionary !== undefined ? [this.#dictionary] : [];
    return decodePages([...dictionary, ...pages], rows, this.#column);
  }

  /** In version 2 of data pages the levels before the values are never compressed. */
  #unpack(header: PageHeader, compressed: Uint8Array): { unpacked: Uint8Array; content: Uint8Array | undefined } {
    const { uncompressed_page_size: size, data_page_header_v2: two } = header;
    if (two === undefined) {
      const content = this.#decompress(compressed, size);
      return { unpacked: content, content };
    }
    if (two.is_compressed === false) return { unpacked: compressed, content: undefined };
    const levels = two.repetition_levels_byte_length + two.definition_levels_byte_length;
    const values = compressed.subarray(levels);
    // Some writers leave nothing at all in place of no values.
    const content = values.length === 0 ? values : this.#decompress(values, size - levels);
    const unpacked = new Uint8Array(size);
    unpacked.set(compressed.subarray(0, levels));
    unpacked.set(content, levels);
    return { unpacked, content };
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
          header: readPageHeader(bytes),
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

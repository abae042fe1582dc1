/**
 * Decodes single pages of a column by hyparquet's public reader, which reads whole column chunks only: the pages become a
 * file of their own, of one column and one row group. So memory holds a page where a chunk may be the whole file.
 */
import { type CompressionCodec, type DecodedArray, type PageHeader, parquetRead, type SchemaTree } from "hyparquet";
import type { parsers } from "./values.ts";

export interface Page {
  readonly header: PageHeader;
  /** Header and compressed content, as they are in the file. */
  readonly bytes: Uint8Array;
  /** The part that the codec compressed, decompressed and checked; undefined where nothing is compressed. */
  readonly content: Uint8Array | undefined;
}

export interface PageColumn {
  /** From the root to the column. */
  readonly path: readonly SchemaTree[];
  readonly codec: string;
  readonly parsers: typeof parsers;
}

/**
 * @param pages the dictionary, if they need one, and data pages of which the first begins with a row
 * @param rows at most as many as they have
 * @returns the rows; values of lists are nested by their levels
 */
export async function decodePages(
  pages: readonly Page[],
  rows: number,
  { path, codec, parsers: columnParsers }: PageColumn,
): Promise<DecodedArray> {
  const size = pages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const file = new Uint8Array(size);
  let at = 0;
  for (const { bytes } of pages) {
    file.set(bytes, at);
    at += bytes.length;
  }
  const contents = pages.flatMap(({ content }) => (content === undefined ? [] : [content]));
  let next = 0;
  const decoded: DecodedArray[] = [];
  await parquetRead({
    file: {
      byteLength: size,
      slice: (start, end) => (start === 0 && end === size ? file.buffer : file.buffer.slice(start, end)),
    },
    metadata: metadataOf(path, codec as CompressionCodec, rows, BigInt(size)),
    // hyparquet asks for the pages in their order.
    compressors: { [codec]: () => contents[next++] ?? new Uint8Array() },
    parsers: columnParsers,
    geoparquet: false,
    onPage: ({ columnData }) => void decoded.push(columnData),
  });
  if (decoded.length > 1) throw new Error("its pages have values of different kinds");
  return decoded[0] ?? [];
}

function metadataOf(path: readonly SchemaTree[], codec: CompressionCodec, rows: number, bytes: bigint) {
  const elements = path.map(({ element }) => element);
  const schema = elements.map((element, i) => {
    const { num_children: _, ...rest } = element;
    return i === elements.length - 1 ? rest : { ...rest, num_children: 1 };
  });
  const column = {
    type: elements.at(-1)?.type ?? "BYTE_ARRAY",
    encodings: [],
    path_in_schema: elements.slice(1).map(({ name }) => name),
    codec,
    num_values: BigInt(rows),
    total_uncompressed_size: bytes,
    total_compressed_size: bytes,
    data_page_offset: 0n,
  };
  const group = { columns: [{ file_offset: 0n, meta_data: column }], total_byte_size: bytes, num_rows: BigInt(rows) };
  return { version: 1, schema, num_rows: BigInt(rows), row_groups: [group], metadata_length: 0 };
}

/**
 * A page with one row of one value, every list around it with one element: what the first page of a chunk continues
 * when it begins in the middle of a row.
 */
export function startedRow(
  path: readonly SchemaTree[],
  codec: string,
  maxRepetition: number,
  maxDefinition: number,
): Page {
  const element = path.at(-1)?.element;
  const value = PLAIN_BYTES[element?.type ?? "BYTE_ARRAY"] ?? element?.type_length ?? 0;
  const levels = [maxRepetition, maxDefinition].flatMap((max, i) =>
    // A run of one value; its length before it.
    max === 0 ? [] : [2, 0, 0, 0, 2, i === 0 ? 0 : max],
  );
  const content = Uint8Array.from([...levels, ...new Uint8Array(value)]);
  const size = varint(2 * content.length);
  const [plain, rle] = [0, 6];
  const bytes = [0x15, 0, 0x15, ...size, 0x15, ...size, 0x2c, 0x15, 2, 0x15, plain, 0x15, rle, 0x15, rle, 0, 0];
  return {
    header: { type: "DATA_PAGE", uncompressed_page_size: content.length, compressed_page_size: content.length },
    bytes: Uint8Array.from([...bytes, ...content]),
    content: codec === "UNCOMPRESSED" ? undefined : content,
  };
}

/** Of a value of zeros; a string of zeros is only its length. */
const PLAIN_BYTES: Readonly<Record<string, number>> = {
  BOOLEAN: 1,
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
  BYTE_ARRAY: 4,
};

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

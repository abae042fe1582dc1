/**
 * What hyparquet trusts of a page, checked: it repeats a value as often as a run of it says, and makes room for as many
 * values as a header claims. A few bytes could ask for more memory than there is.
 */
import type { PageHeader } from "hyparquet";
import { deltaValues } from "./delta.ts";

/** A value of 64 MiB is the longest row that is read; writers aim at pages of one. */
export const MAX_PAGE_BYTES = 128 * 1024 * 1024;
/** Writers end a page after 20,000 rows or 1 MiB; a page of only nulls may have a whole row group's, pyarrow's most. */
export const MAX_PAGE_VALUES = 1024 * 1024;
/** Most values that a packed run may go beyond the last one: writers pack eight at a time, and up to 63 times eight. */
const MAX_PADDING = 504;
/** Writers use 128 values in 4 parts. */
const MAX_DELTA_BLOCK = 65_536;

/** Of indexes into a dictionary. */
const MAX_INDEX_BITS = 32;
/** Of what is said to follow. */
const LENGTH_BYTES = 4;
/** Of a run's header: 32 bits. */
const MAX_HEADER_BYTES = 5;

const ENCODINGS: readonly string[] = [
  "PLAIN",
  "PLAIN_DICTIONARY",
  "RLE_DICTIONARY",
  "RLE",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
];

export interface PageShape {
  readonly maxRepetition: number;
  readonly maxDefinition: number;
  readonly isBoolean: boolean;
}

/** Throws for a header that cannot be; before the page is decompressed. @returns values in it, nulls counted */
export function checkPageHeader(header: PageHeader): number {
  const { data_page_header: one, data_page_header_v2: two, dictionary_page_header: dictionary } = header;
  const described = { DATA_PAGE: one, DATA_PAGE_V2: two, DICTIONARY_PAGE: dictionary } as const;
  const description = Object.hasOwn(described, header.type)
    ? described[header.type as keyof typeof described]
    : undefined;
  if (description === undefined) throw new Error(`a page is of the type ${header.type}, or has no description`);
  const { num_values: values } = description;
  if (!isCount(values, MAX_PAGE_VALUES)) throw new Error(`a page claims ${values} values`);
  if (!isCount(header.uncompressed_page_size, MAX_PAGE_BYTES))
    throw new Error(`a page claims ${header.uncompressed_page_size} bytes; the limit is ${MAX_PAGE_BYTES}`);
  if (!isCount(header.compressed_page_size, MAX_PAGE_BYTES))
    throw new Error(`a page claims ${header.compressed_page_size} compressed bytes`);
  if (!ENCODINGS.includes(description.encoding)) throw new Error(`the encoding ${description.encoding} is not read`);
  if (two !== undefined) {
    const levels = [two.repetition_levels_byte_length, two.definition_levels_byte_length];
    if (!levels.every((length) => isCount(length, header.compressed_page_size)) || !isCount(two.num_nulls, values))
      throw new Error("a page contradicts itself");
    if ((levels[0] ?? 0) + (levels[1] ?? 0) > Math.min(header.compressed_page_size, header.uncompressed_page_size))
      throw new Error("a page claims more levels than bytes");
  }
  return values;
}

/** Throws for a decompressed data page whose runs exceed its values. */
export function checkPageContent(bytes: Uint8Array, header: PageHeader, shape: PageShape): void {
  const { data_page_header: one, data_page_header_v2: two } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const described = one ?? two;
  if (described === undefined) return;
  const { num_values: values, encoding } = described;
  let at = 0;
  const levels = (max: number, length: number | undefined) => {
    if (max === 0) {
      at += length ?? 0;
      return;
    }
    const known = length ?? view.getUint32(at, true);
    const start = length === undefined ? at + LENGTH_BYTES : at;
    if (start + known > bytes.length) throw new Error("a page ends inside its levels");
    checkRuns(bytes, start, bitWidth(max), values);
    at = start + known;
  };
  levels(shape.maxRepetition, two?.repetition_levels_byte_length);
  levels(shape.maxDefinition, two?.definition_levels_byte_length);
  if (encoding.startsWith("DELTA_")) checkDeltas(view, at, encoding, values);
  if (encoding === "PLAIN" || encoding.startsWith("DELTA_")) return;
  // Truth values have their length before them, indexes the number of their bits: so hyparquet tells them apart.
  const isPrefixed = one === undefined ? encoding === "RLE" : shape.isBoolean;
  const width = isPrefixed ? 1 : (bytes[at] ?? 0);
  if (width > MAX_INDEX_BITS) throw new Error(`a page claims indexes of ${width} bits`);
  checkRuns(bytes, at + (isPrefixed ? LENGTH_BYTES : 1), width, values);
}

/** Whatever length runs claim to have in all, hyparquet reads them until it has all values. */
function checkRuns(bytes: Uint8Array, start: number, width: number, values: number): void {
  let at = start;
  let seen = 0;
  while (seen < values && at < bytes.length) {
    let header = 0;
    for (let i = 0; ; i++) {
      const byte = bytes[at++];
      if (byte === undefined || i === MAX_HEADER_BYTES) throw new Error("a page ends inside a run");
      header += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const count = Math.floor(header / 2) * (isPacked ? 8 : 1);
    if (count > values - seen + MAX_PADDING) throw new Error("a run exceeds the values of its page");
    seen += count;
    at += isPacked ? (count * width) / 8 : Math.ceil(width / 8);
  }
}

/** Values as differences; in DELTA_BYTE_ARRAY each may repeat a part of the one before: a few bytes can become many. */
function checkDeltas(view: DataView, start: number, encoding: string, values: number): void {
  const total = deltaCount(view, start);
  if (total > values) throw new Error(`a page of ${values} values claims ${total}`);
  if (encoding !== "DELTA_BYTE_ARRAY" || total === 0) return;
  let bytes = 0;
  for (const length of deltaValues(view, start, total)) {
    if (length < 0) throw new Error("a value shares a negative number of bytes");
    bytes += length;
  }
  if (bytes > MAX_PAGE_BYTES) throw new Error(`a page unpacks to more than ${MAX_PAGE_BYTES} bytes`);
}

function deltaCount(view: DataView, start: number): number {
  let at = start;
  const varint = () => {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = view.getUint8(at++);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error("a page contains a number that is too large");
  };
  const [block, parts, total] = [varint(), varint(), varint()];
  if (parts < 1 || block < parts || block > MAX_DELTA_BLOCK || block % parts !== 0)
    throw new Error(`a page claims blocks of ${block} values in ${parts} parts`);
  return total;
}

export function bitWidth(value: number): number {
  return 32 - Math.clz32(value);
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

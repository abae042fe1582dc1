/** The header of a page (parquet.thrift), as hyparquet names its fields. */
import type { Encoding, PageHeader } from "hyparquet";
import { readThrift, type ThriftStruct } from "./thrift.ts";

/** By their numbers in the format. */
const PAGE_TYPES = ["DATA_PAGE", "INDEX_PAGE", "DICTIONARY_PAGE", "DATA_PAGE_V2"] as const;
const ENCODINGS: readonly Encoding[] = [
  "PLAIN",
  "GROUP_VAR_INT",
  "PLAIN_DICTIONARY",
  "RLE",
  "BIT_PACKED",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
  "RLE_DICTIONARY",
  "BYTE_STREAM_SPLIT",
];

/** Unchecked: fields have the types that the bytes name, whatever they should be. @param bytes passed checkThrift */
export function readPageHeader(bytes: Uint8Array): PageHeader {
  const fields = readThrift(bytes);
  const [one, dictionary, two] = [fields[5], fields[7], fields[8]] as (ThriftStruct | undefined)[];
  const header = {
    type: PAGE_TYPES[fields[1] as number],
    uncompressed_page_size: fields[2],
    compressed_page_size: fields[3],
    data_page_header: one && {
      num_values: one[1],
      encoding: ENCODINGS[one[2] as number],
      definition_level_encoding: ENCODINGS[one[3] as number],
      repetition_level_encoding: ENCODINGS[one[4] as number],
    },
    dictionary_page_header: dictionary && { num_values: dictionary[1], encoding: ENCODINGS[dictionary[2] as number] },
    data_page_header_v2: two && {
      num_values: two[1],
      num_nulls: two[2],
      num_rows: two[3],
      encoding: ENCODINGS[two[4] as number],
      definition_levels_byte_length: two[5],
      repetition_levels_byte_length: two[6],
      is_compressed: two[7] ?? true,
    },
  };
  return header as unknown as PageHeader;
}

/** What a few bytes of a parquet file can claim. Each of these took hyparquet's or V8's memory, or hours, unchecked. */
import type { PageHeader } from "hyparquet";
import { describe, expect, it } from "vitest";
import { checkPageContent, checkPageHeader, MAX_PAGE_VALUES } from "../../../src/rows/parquet/page-check.ts";
import { pageDecompressor } from "../../../src/rows/parquet/page-codecs.ts";
import { checkThrift, EndedEarly } from "../../../src/rows/parquet/thrift-check.ts";

const flat = { maxRepetition: 0, maxDefinition: 0, isBoolean: false };

function page(encoding: string, values = 4, more: Partial<PageHeader> = {}): PageHeader {
  return {
    type: "DATA_PAGE",
    uncompressed_page_size: 20,
    compressed_page_size: 20,
    data_page_header: {
      num_values: values,
      encoding: encoding as "PLAIN",
      definition_level_encoding: "RLE",
      repetition_level_encoding: "RLE",
    },
    ...more,
  };
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

describe("a page header", () => {
  it.each([
    ["more values than a page can have", page("PLAIN", MAX_PAGE_VALUES + 1), /claims \d+ values/],
    ["fewer than none", page("PLAIN", -1), /claims -1 values/],
    ["2 GiB", page("PLAIN", 4, { uncompressed_page_size: 2 ** 31 - 1 }), /claims 2147483647 bytes/],
    ["a negative size", page("PLAIN", 4, { compressed_page_size: -5 }), /claims -5 compressed/],
    ["an encoding that is not read", page("BYTE_STREAM_SPLIT"), /BYTE_STREAM_SPLIT is not read/],
    ["another type", page("PLAIN", 4, { type: "INDEX_PAGE" }), /INDEX_PAGE/],
    [
      "no description",
      { type: "DATA_PAGE_V2", uncompressed_page_size: 1, compressed_page_size: 1 },
      /has no description/,
    ],
  ])("with %s is refused", (_, header, message) => {
    expect(() => checkPageHeader(header as PageHeader)).toThrow(message);
  });
});

describe("a page", () => {
  const levels = [...varint(2 * 2 ** 30), 1];
  it.each([
    ["levels repeated a billion times", "PLAIN", [levels.length, 0, 0, 0, ...levels], { ...flat, maxDefinition: 1 }],
    ["an index repeated a billion times", "RLE_DICTIONARY", [1, ...levels], flat],
    ["indexes packed a billion times", "RLE_DICTIONARY", [1, ...varint(2 * 2 ** 27 + 1)], flat],
    ["indexes of no bits, packed a billion times", "PLAIN_DICTIONARY", [0, ...varint(2 * 2 ** 27 + 1)], flat],
    ["indexes of 200 bits", "RLE_DICTIONARY", [200, 2, 2], flat],
    ["levels that end behind the page", "PLAIN", [255, 0, 0, 0, 2], { ...flat, maxDefinition: 1 }],
    ["differences in no parts", "DELTA_BINARY_PACKED", [128, 1, 0, 4, 0], flat],
    ["blocks of a billion differences", "DELTA_BINARY_PACKED", [...varint(2 ** 30), 4, 4, 0], flat],
    ["more differences than values", "DELTA_LENGTH_BYTE_ARRAY", [128, 1, 4, 100, 0], flat],
    // Four values, each of which shares 2**30 bytes with the one before: zigzag of the first, then no differences.
    ["texts that share a gibibyte", "DELTA_BYTE_ARRAY", [128, 1, 1, 4, ...varint(2 ** 31), 0, 0], flat],
    [
      "levels that go on behind where they say they end",
      "PLAIN",
      [1, 0, 0, 0, 2, 1, ...levels],
      { ...flat, maxDefinition: 3 },
    ],
    ["truth values repeated a billion times", "RLE", [9, 0, 0, 0, ...levels], { ...flat, isBoolean: true }],
    ["numbers as runs, which are read as indexes", "RLE", [1, ...levels], flat],
  ])("with %s is refused", (_, encoding, bytes, shape) => {
    expect(() => checkPageContent(Uint8Array.from(bytes), page(encoding), shape)).toThrow(/page|value|run/);
  });

  it.each([
    ["indexes of truth values", "RLE_DICTIONARY", [1, ...levels]],
    ["runs of whatever type", "RLE", [9, 0, 0, 0, ...levels]],
  ])("of the second version with %s repeated a billion times is refused", (_, encoding, bytes) => {
    const two = {
      num_values: 4,
      num_nulls: 0,
      num_rows: 4,
      encoding: encoding as "RLE",
      definition_levels_byte_length: 0,
      repetition_levels_byte_length: 0,
    };
    const { data_page_header: _one, ...header } = page(encoding);
    for (const isBoolean of [true, false])
      expect(() =>
        checkPageContent(Uint8Array.from(bytes), { ...header, data_page_header_v2: two }, { ...flat, isBoolean }),
      ).toThrow(/run/);
  });

  it.each(["SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4", "LZ4_RAW"])(
    "that claims to unpack to 100 MiB from nothing (%s)",
    async (codec) => {
      const decompress = await pageDecompressor(codec);
      const before = process.memoryUsage().arrayBuffers;
      expect(() => decompress?.(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7), 100 * 1024 * 1024)).toThrow();
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
    },
  );

  it("of an unknown codec is left to the caller", async () => {
    expect(await pageDecompressor("LZO")).toBeUndefined();
    expect(await pageDecompressor("toString")).toBeUndefined();
  });
});

describe("metadata", () => {
  it.each([
    ["a list longer than itself", [0x19, 0xfc, ...varint(2 ** 31)], EndedEarly],
    ["a text longer than itself", [0x18, ...varint(2 ** 31)], EndedEarly],
    ["no end", [0x15, 2], EndedEarly],
    ["structures in structures", Array.from({ length: 1000 }, () => 0x1c), /nested too deeply/],
    ["lists in lists", [0x19, ...Array.from({ length: 100_000 }, () => 0x19)], Error],
    ["a number without end", [0x15, ...Array.from({ length: 20 }, () => 0xff)], /more than 64 bits/],
    ["a type that is none", [0x1f, 0], /unknown type/],
  ])("with %s is refused", (_, bytes, error) => {
    expect(() => checkThrift(Uint8Array.from(bytes))).toThrow(error);
  });

  it("that is sound is measured", () => {
    expect(checkThrift(Uint8Array.of(0x15, 0x80, 0x01, 0x18, 2, 65, 66, 0x11, 0, 9, 9))).toBe(9);
  });
});

/** Parquet against what pyarrow reads from the same files. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectedValues, fileOf, readAll, valuesOf } from "./support.ts";

const fixtures = join("test", "fixtures");
const mixed = readdirSync(join(fixtures, "rows")).filter((name) => /^mixed-.*\.parquet$/.test(name));
const expected = (path: string) => expectedValues(readFileSync(path, "utf8"));

it.each(mixed)("reads %s as pyarrow does", async (name) => {
  expect(await valuesOf(join(fixtures, "rows", name))).toEqual(expected(join(fixtures, "rows", "mixed.json")));
});

it("has all ways of storing among its files", () => {
  expect(mixed.length).toBeGreaterThan(10);
});

it.each(["human", "truth", "nectar", "rewardbench", "rewardbench2"])("reads the schema of %s", async (name) => {
  const path = join(fixtures, "datasets", name);
  expect(await valuesOf(`${path}.parquet`)).toEqual(expected(`${path}.json`));
});

it("numbers rows from 1, over row groups", async () => {
  const rows = await readAll(join(fixtures, "rows", "mixed-none-small-pages.parquet"));
  expect(rows.map(({ row, where }) => [row, where]).at(-1)).toEqual([60, "row 60"]);
  expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
});

it("reads a file without rows", async () => {
  expect(await valuesOf(join(fixtures, "rows", "empty.parquet"))).toEqual([]);
});

it("names the field of a text that is none, and goes on", async () => {
  const rows = await readAll(join(fixtures, "rows", "not-utf8.parquet"));
  expect(rows).toEqual([
    { row: 1, where: "row 1", value: { text: "good" } },
    { row: 2, where: "row 2", error: expect.objectContaining({ code: "ERR_INVALID_DATA", field: "text" }) },
    { row: 3, where: "row 3", value: { text: "fine" } },
  ]);
});

it("reads a decimal beside texts that are longer than any decimal", async () => {
  const expected = [0, 1, 2].map((i) => ({ text: `text ${i} `.repeat(20), price: i + 0.25 }));
  expect(await valuesOf(join(fixtures, "rows", "decimal.parquet"))).toEqual(expected);
});

it("leaves bytes that do not claim to be a text as they are", async () => {
  expect(await valuesOf(join(fixtures, "rows", "bytes.parquet"))).toEqual([
    { text: "one", picture: { bytes: new Uint8Array([0xff, 0]), path: "a.png" } },
    // What is a text without saying so is one: some writers say nothing.
    { text: "two", picture: { bytes: "text", path: null } },
    { text: "three", picture: null },
  ]);
});

it.each(["snappy", "lz4", "zstd"])("reads columns of nothing, compressed with %s", async (codec) => {
  const rows = ["one", "two"].map((text) => ({ text, none: null, no_text: null }));
  expect(await valuesOf(join(fixtures, "rows", `nulls-${codec}.parquet`))).toEqual(rows);
});

describe("refuses", () => {
  const whole = readFileSync(join(fixtures, "rows", "mixed-snappy.parquet"));
  const withTail = (edit: (tail: Buffer) => void) => {
    const bytes = Buffer.from(whole);
    edit(bytes.subarray(-8));
    return bytes;
  };

  it.each([
    ["a cut-off end", whole.subarray(0, -100), /is truncated: a parquet file ends with its metadata/],
    ["a lone start", whole.subarray(0, 8), /too short/],
    ["an encrypted file", withTail((tail) => tail.write("PARE", 4)), /encrypted/],
    ["metadata longer than the file", withTail((tail) => tail.writeUInt32LE(0x7fffffff)), /claims 2147483647 bytes/],
    ["metadata that begins elsewhere", withTail((tail) => tail.writeUInt32LE(100)), /metadata cannot be read/],
    ["no metadata", withTail((tail) => tail.writeUInt32LE(0)), /metadata/],
    ["a hole in the middle", Buffer.concat([whole.subarray(0, 500), whole.subarray(900)]), /damaged/],
  ])("%s", async (_, bytes, message) => {
    await expect(readAll(fileOf("refused.parquet", bytes))).rejects.toThrow(
      expect.objectContaining({ code: "ERR_INVALID_DATA", message: expect.stringMatching(message) }),
    );
  });

  it("a file that is called parquet and is none", async () => {
    await expect(readAll(fileOf("text.parquet", '{"a":1}\n'))).rejects.toThrow(/is not a parquet file/);
  });
});

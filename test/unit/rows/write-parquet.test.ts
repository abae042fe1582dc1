import { readFileSync } from "node:fs";
import { parquetMetadata } from "hyparquet";
import { describe, expect, it } from "vitest";
import { jsonText } from "../../../src/rows/json-text.ts";
import { parseExactly } from "../../../src/rows/json-value.ts";
import { sourceColumns } from "../../../src/rows/write/source-columns.ts";
import { ParquetFile } from "../../../src/rows/write/write-parquet.ts";
import { fileOf, valuesOf } from "./support.ts";

let files = 0;

type Source = ConstructorParameters<typeof ParquetFile>[0]["source"];

async function write(
  rows: readonly Readonly<Record<string, unknown>>[],
  source?: Source,
): Promise<[string, ParquetFile]> {
  const records = rows.map(
    (row) => new Map(Object.entries(row).map(([name, value]) => [name, jsonText(value)] as const)),
  );
  const names = [...new Set(records.flatMap((record) => [...record.keys()]))];
  const file = new ParquetFile({ names: () => names, source, createdBy: "test", fractions: new Set(["score"]) });
  for (const record of records) file.look(record);
  const chunks: Uint8Array[] = [];
  const iterate = async function* () {
    yield* records;
  };
  for await (const bytes of file.bytes(iterate())) chunks.push(bytes);
  const path = fileOf(`written-${files++}.parquet`, Buffer.concat(chunks));
  return [path, file];
}

const read = valuesOf;

describe("values", () => {
  it("come back as they were: long integers, lists, structures, missing ones", async () => {
    const rows = [
      {
        id: 9_007_199_254_740_993n,
        unsigned: 12_345_678_901_234_567_890n,
        text: 'a\n"b" é',
        list: [1, null, 3],
        nested: [{ role: "user", tags: ["x", "y"] }, { role: null, tags: [] }, null],
        struct: { a: 1.5, b: { c: true } },
        empty: null,
        flag: true,
        score: 2,
      },
      { id: -1, unsigned: 3, text: "", list: [], nested: [], struct: null, empty: null, flag: null, score: 1.25 },
      {
        id: null,
        unsigned: null,
        text: null,
        list: null,
        nested: null,
        struct: { a: null, b: null },
        empty: null,
        flag: false,
        score: 3,
      },
    ];
    const [path, file] = await write(rows);
    expect(await read(path)).toEqual(rows);
    expect(file.mixed).toEqual([]);
  });

  it("of types without a common one are JSON text, and their columns are named", async () => {
    const rows = [
      { a: 1, b: 2n ** 60n, c: { x: 1 }, d: 1, e: {} },
      { a: "x", b: 0.5, c: [1], d: 0.5, e: {} },
    ];
    const [path, file] = await write(rows);
    expect(file.mixed).toEqual(["a", "b", "c", "e"]);
    expect(await read(path)).toEqual([
      { a: "1", b: "1152921504606846976", c: '{"x":1}', d: 1, e: "{}" },
      { a: '"x"', b: "0.5", c: "[1]", d: 0.5, e: "{}" },
    ]);
  });

  it("are float64 where they are scores, whatever their values", async () => {
    const [path] = await write([{ score: 1 }, { score: 2 }]);
    const bytes = readFileSync(path);
    const { schema, row_groups: groups } = parquetMetadata(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    );
    expect(schema[1]).toMatchObject({ name: "score", type: "DOUBLE" });
    expect(groups[0]?.columns[0]?.meta_data?.codec).toBe("ZSTD");
  });

  it("fill several row groups", async () => {
    const rows = Array.from({ length: 25_000 }, (_, i) => ({ i, text: `row ${i}` }));
    const [path] = await write(rows);
    expect(await read(path)).toEqual(rows);
  });
});

it("columns of a parquet file keep their types", async () => {
  const { parquetWriteBuffer } = await import("hyparquet-writer");
  const day = new Date("2024-02-29");
  const schema = [
    { name: "root", num_children: 6 },
    { name: "day", type: "INT32" as const, converted_type: "DATE" as const, repetition_type: "OPTIONAL" as const },
    {
      name: "micros",
      type: "INT64" as const,
      converted_type: "TIMESTAMP_MICROS" as const,
      repetition_type: "OPTIONAL" as const,
    },
    {
      name: "millis",
      type: "INT64" as const,
      converted_type: "TIMESTAMP_MILLIS" as const,
      repetition_type: "OPTIONAL" as const,
    },
    { name: "small", type: "INT32" as const, repetition_type: "OPTIONAL" as const },
    { name: "single", type: "FLOAT" as const, repetition_type: "OPTIONAL" as const },
    { name: "long", type: "INT64" as const, repetition_type: "OPTIONAL" as const },
  ];
  const columnData = [
    { name: "day", data: [day, null] },
    { name: "micros", data: [1_709_210_096_123_456n, -1n] },
    { name: "millis", data: [new Date(1_709_210_096_123), null] },
    { name: "small", data: [1, null] },
    { name: "single", data: [0.5, 2] },
    { name: "long", data: [2n ** 60n + 1n, null] },
  ];
  const path = fileOf("typed.parquet", Buffer.from(parquetWriteBuffer({ schema, columnData })));
  const rows = (await read(path)) as Record<string, unknown>[];
  expect(rows.map((row) => jsonText(row))).toEqual([
    '{"day":"2024-02-29","micros":"2024-02-29T12:34:56.123456Z","millis":"2024-02-29T12:34:56.123Z","small":1,"single":0.5,"long":1152921504606846977}',
    '{"day":null,"micros":"1969-12-31T23:59:59.999999Z","millis":null,"small":null,"single":2,"long":null}',
  ]);
  const [again] = await write(rows, await sourceColumns([path]));
  expect(((await read(again)) as unknown[]).map(jsonText)).toEqual(rows.map(jsonText));
  const columns = await sourceColumns([again]);
  for (const { name, type, converted_type: converted } of schema.slice(1))
    expect(columns(name as string)?.element).toMatchObject({
      type,
      ...(converted === undefined ? {} : { converted_type: converted }),
    });
  // Another program's text in the same column is a text.
  const [texts] = await write([...rows, { day: "some day", micros: null }], await sourceColumns([path]));
  expect((await read(texts))[2]).toMatchObject({ day: "some day" });
});

it("JSON is parsed without rounding", () => {
  expect(
    parseExactly('{"a":[12345678901234567890,-9007199254740993,1.5,"1234567890123456 \\" 7"],"1234567890123456789":1}'),
  ).toEqual({
    a: [12_345_678_901_234_567_890n, -9_007_199_254_740_993n, 1.5, '1234567890123456 " 7'],
    "1234567890123456789": 1,
  });
  expect(parseExactly("1e300")).toBe(1e300);
  expect(parseExactly("0.12345678901234567")).toBe(Number("0.12345678901234567"));
});

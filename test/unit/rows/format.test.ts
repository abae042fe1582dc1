/** Which format a text has, whatever its file is called. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { detectText, type InputFormat } from "../../../src/rows/format.ts";
import { openRows } from "../../../src/rows/open-rows.ts";
import { collect, fileOf, valuesOf } from "./support.ts";

const detect = (text: string, named?: InputFormat, ended = true) =>
  detectText(Buffer.from(text), ended, named, "x.jsonl");
const csv = (delimiter: string) => ({ kind: "csv", delimiter });
const json = { kind: "json" };

describe("a text", () => {
  it.each<[string, InputFormat | undefined, object]>([
    ['{"a":1}\n', "jsonl", json],
    ['  [\n{"a":1}]', "csv", json],
    ['{"prompt":"a, b"}\n{"prompt":"c"}\n', "csv", json],
    ['broken\n{"a":1}\n', "jsonl", json],
    ['"a text"\n"b"\n', "jsonl", json],
    ["prompt,response\na,b\n", "jsonl", csv(",")],
    ["prompt;response\na,b;c\n", "csv", csv(";")],
    ["prompt\tresponse\na\tb\n", "csv", csv("\t")],
    ["prompt|response\n", undefined, csv("|")],
    ["\tprompt\tresponse\n0\ta\tb\n", "tsv", csv("\t")],
    ["prompt,response\na,b\n", "tsv", csv(",")],
    ["sep=;\nprompt;response\na;b\n", "csv", csv(";")],
    ['"prompt, of the user";"response"\na;b\n', "csv", csv(";")],
    ["frage;antwort\na;b\nc;d\n", undefined, csv(";")],
    ["only\na, b\n", "csv", csv(",")],
    ["", "csv", csv(",")],
    ["", undefined, json],
  ])("%j named %s", async (text, named, format) => {
    expect(await detect(text, named)).toEqual(format);
  });

  it("waits for more only where the first line does not tell", async () => {
    expect(await detect('{"a"', undefined, false)).toEqual(json);
    expect(await detect("prompt;resp", undefined, false)).toBeUndefined();
    expect(await detect("prompt;response\n", undefined, false)).toEqual(csv(";"));
    expect(await detect("one, two\n", undefined, false)).toBeUndefined();
  });

  it("that is no rows is refused, once", async () => {
    await expect(detect("What is this?\nNothing, really.\nNo.\n", "jsonl")).rejects.toThrow(
      /^The file x\.jsonl is not JSON lines, JSON, CSV, TSV or parquet: its first line is "What is this\?"/,
    );
  });
});

it("reads tables with any separator, and says what is not as the name says", async () => {
  const notices: string[] = [];
  const onNotice = (message: string) => void notices.push(message);
  const read = async (name: string, content: string) => {
    const file = await openRows(fileOf(name, content), { name, onNotice });
    const rows = await collect(file.rows);
    await file.close();
    return rows.map((row) => ("value" in row ? row.value : row.error.message));
  };
  const expected = [{ prompt: "a, b", response: 'say "c"' }];
  expect(await read("x.jsonl", 'prompt,response\n"a, b","say ""c"""\n')).toEqual(expected);
  expect(await read("x.csv", '\ufeffprompt;response\r\na, b;say "c"\r\n')).toEqual(expected);
  expect(await read("y.csv", 'sep=;\nprompt;response\na, b;say "c"\n')).toEqual(expected);
  expect(await read("x.tsv", '\tprompt\tresponse\n0\ta, b\tsay "c"\n')).toEqual([{ "": "0", ...expected[0] }]);
  expect(await read("z.csv", JSON.stringify(expected[0]))).toEqual(expected);
  expect(notices).toEqual([
    "x.jsonl is CSV with commas between its fields, despite its name",
    "x.csv is CSV with semicolons between its fields",
    "y.csv is CSV with semicolons between its fields",
    "z.csv is JSON, despite its name",
  ]);
});

it("reads parquet that is compressed once more, from a stream or not", async () => {
  const bytes = readFileSync(join("test", "fixtures", "rows", "mixed-zstd.parquet"));
  const plain = await valuesOf(join("test", "fixtures", "rows", "mixed-zstd.parquet"));
  expect(plain).toHaveLength(60);
  expect(await valuesOf(fileOf("x.parquet.gz", gzipSync(bytes)))).toEqual(plain);
  await expect(valuesOf(fileOf("x.parquet.gz", gzipSync("a,b\n")))).rejects.toThrow(/is not a parquet file, despite/);
});

it("knows the text of a row of JSON, and where each row ends", async () => {
  const file = await openRows(fileOf("ends.jsonl", '{"id":12345678901234567890,"x":NaN}\n{"a":1}\n'));
  expect(await collect(file.rows)).toMatchObject([
    { json: '{"id":12345678901234567890,"x":null}', endOffset: 36 },
    { json: '{"a":1}', endOffset: 44 },
  ]);
  await file.close();
  const table = await openRows(fileOf("ends.csv", "a,b\n1,2\n"));
  expect(await collect(table.rows)).toMatchObject([{ isTable: true, endOffset: 8 }]);
  await table.close();
});

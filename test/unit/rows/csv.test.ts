import { describe, expect, it } from "vitest";
import { parseRecords } from "../../../src/rows/csv-fields.ts";
import { CsvSplitter } from "../../../src/rows/csv-splitter.ts";
import { randomOf } from "../../random.ts";
import { fileOf, readAll, valuesOf } from "./support.ts";

let files = 0;
const csv = (text: string | Uint8Array) => fileOf(`${files++}.csv`, text);

/** What is wrong, or the fields. */
function fieldsOf(record: string, delimiter = ","): string | string[] | undefined {
  const splitter = new CsvSplitter(undefined, delimiter);
  const [piece] = [...splitter.push(Buffer.from(record)), ...splitter.end()];
  return piece?.problem ?? parseRecords([piece?.bytes ?? Buffer.alloc(0)], delimiter)[0];
}

describe("fields", () => {
  it.each([
    ["a,b,c", ["a", "b", "c"]],
    ["", [""]],
    [",", ["", ""]],
    ['"a,b",c', ["a,b", "c"]],
    ['"say ""no""",""', ['say "no"', ""]],
    ['"line\r\nbreak",x', ["line\r\nbreak", "x"]],
    ["lone\rreturn,x", ["lone\rreturn", "x"]],
    ['5" pipe,6"', ['5" pipe', '6"']],
    ['5" pipe,"6"', ['5" pipe', "6"]],
    ['a"",b"c"d', ['a""', 'b"c"d']],
    [' "a"', [' "a"']],
  ])("of %j", (record, fields) => {
    expect(fieldsOf(record)).toEqual(fields);
  });

  it.each([
    ['"a"b,c', "there is text after the closing quote of field 1"],
    ['"a" ,c', "there is text after the closing quote of field 1"],
    ['A 6" nail,"He said "hi" to me",bad', "there is text after the closing quote of field 2"],
    ['a,"b"\rc', "there is text after the closing quote of field 2"],
    ['"a"\r"b"', "there is text after the closing quote of field 1"],
    ['"a"\r,"b"c', "there is text after the closing quote of field 1"],
    ['"a"\r\r\n', "there is text after the closing quote of field 1"],
    ['"a"\0', "there is text after the closing quote of field 1"],
    ['a,"b', 'the closing " is missing'],
    ['"a""', 'the closing " is missing'],
  ])("refuses %j", (record, problem) => {
    expect(fieldsOf(record)).toEqual(expect.stringContaining(problem));
  });

  it("of many records at once", () => {
    const records = ["a,b", 'f" g,h', "", '"i\nj"', ""].map((record) => Buffer.from(record));
    expect(parseRecords(records, ",")).toEqual([["a", "b"], ['f" g', "h"], [""], ["i\nj"], [""]]);
    expect(parseRecords([], ",")).toEqual([]);
  });
});

it("reads back what was written, however it is cut", () => {
  const random = randomOf(5);
  const alphabet = ["a", ",", '"', "\n", "\r\n", "é", " ", "bc"];
  for (let round = 0; round < 200; round++) {
    const records = Array.from({ length: 1 + random(4) }, () =>
      Array.from({ length: 3 }, () => Array.from({ length: random(5) }, () => alphabet[random(8)]).join("")),
    );
    const bytes = Buffer.from(
      records.map((fields) => fields.map((field) => `"${field.replaceAll('"', '""')}"`).join()).join("\n"),
    );
    const splitter = new CsvSplitter();
    const pieces = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(7);
      pieces.push(...splitter.push(bytes.subarray(at, at + size)));
      at += size;
    }
    pieces.push(...splitter.end());
    expect(pieces.map((piece) => parseRecords([piece.bytes ?? Buffer.alloc(0)], ",")[0])).toEqual(records);
    expect(pieces.at(-1)?.endOffset).toBe(bytes.length);
  }
});

describe("a file", () => {
  it("has names in its first line, and counts lines as an editor does", async () => {
    expect(await readAll(csv('\ufeffprompt,chosen\r\n"a\nb",c\r\n\r\nd,"e, f"\r\n'))).toEqual([
      { row: 1, where: "line 2", isCsv: true, value: { prompt: "a\nb", chosen: "c" } },
      { row: 2, where: "line 5", isCsv: true, value: { prompt: "d", chosen: "e, f" } },
    ]);
  });

  it("goes on after a broken record", async () => {
    const latin1 = Buffer.concat([Buffer.from("a,b\n1,2,3\n"), Buffer.from([0xe4]), Buffer.from(',x\n"y"z,1\nv,w\n')]);
    expect(await readAll(csv(latin1))).toEqual([
      {
        row: 1,
        where: "line 2",
        error: expect.objectContaining({ message: "It has 3 fields, but the first line names 2 columns.", line: 2 }),
      },
      { row: 2, where: "line 3", error: expect.objectContaining({ message: "It is not valid UTF-8." }) },
      { row: 3, where: "line 4", error: expect.objectContaining({ code: "ERR_INVALID_DATA" }) },
      { row: 4, where: "line 5", isCsv: true, value: { a: "v", b: "w" } },
    ]);
  });

  it("refuses text after a closing quote, also after a field with a bare quote, and goes on", async () => {
    const bad = 'A 6" nail,"He said "hi" to me",bad';
    expect(await readAll(csv(`a,b,c\n5" x,"y",z\r\n${bad}\n${bad}\r\n"1","2","3"\r`))).toEqual([
      { row: 1, where: "line 2", isCsv: true, value: { a: '5" x', b: "y", c: "z" } },
      ...[3, 4].map((line) => ({
        row: line - 1,
        where: `line ${line}`,
        error: expect.objectContaining({
          code: "ERR_INVALID_DATA",
          message: "It is not valid CSV: there is text after the closing quote of field 2.",
          line,
        }),
      })),
      { row: 4, where: "line 5", isCsv: true, value: { a: "1", b: "2", c: "3" } },
    ]);
  });

  it("says how many fields a record should have", async () => {
    expect(await valuesOf(csv("a,b\n1\n"))).toEqual(["It has 1 field, but the first line names 2 columns."]);
    expect(await valuesOf(csv("a\n1,2\n"))).toEqual(["It has 2 fields, but the first line names 1 column."]);
  });

  it("names the line where a quote was opened and never closed", async () => {
    expect(await readAll(csv('a\n1\n"2\n3\n4\n'))).toEqual([
      { row: 1, where: "line 2", isCsv: true, value: { a: "1" } },
      {
        row: 2,
        where: "line 3",
        error: expect.objectContaining({ message: expect.stringContaining('closing " is missing') }),
      },
    ]);
  });

  it("takes an empty cell for a value that is missing, not for an empty text", async () => {
    expect(await valuesOf(csv('prompt,chosen,rejected\nHi,,""\nHi," ",x\n'))).toEqual([
      { prompt: "Hi", chosen: null, rejected: null },
      { prompt: "Hi", chosen: " ", rejected: "x" },
    ]);
  });

  it("begins after blanks, and counts their lines", async () => {
    expect(await readAll(csv("\ufeff\n  \n\t\r\na,b\n1,2\n"))).toEqual([
      { row: 1, where: "line 5", isCsv: true, value: { a: "1", b: "2" } },
    ]);
  });

  it("keeps a column called __proto__ to itself", async () => {
    const [value] = await valuesOf(csv("__proto__,a\nx,y\n"));
    expect(Object.entries(value as object)).toEqual([
      ["__proto__", "x"],
      ["a", "y"],
    ]);
  });

  it.each([
    ["prompt,prompt\n1,2\n", /two columns named "prompt"/],
    ["a,score,score\n1,,3\n", /two columns named "score": rename or remove one of them/],
    ["a,label,b,label\n1,x,2,x\n", /two columns named "label"/],
    ["a,b\r1,2\r3,4\r", /bare carriage returns/],
    ['"a\n1,2\n', /no usable first line: .*missing/],
  ])("%j is refused", async (text, message) => {
    await expect(readAll(csv(text))).rejects.toThrow(
      expect.objectContaining({ name: "FileError", message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ["empty columns", "a,b,,\n1,2,,\n", { a: "1", b: "2" }],
    ["empty records", ",a\n,\n0,1\n,\n", { "": "0", a: "1" }],
  ])("may have a spreadsheet's %s", async (_, text, value) => {
    expect(await valuesOf(csv(text))).toEqual([value]);
  });

  it("is split at tabs where its name ends with .tsv", async () => {
    const file = fileOf(`${files++}.tsv`, 'prompt\tchosen\nHi, you\t"a\tb"\n');
    expect(await valuesOf(file)).toEqual([{ prompt: "Hi, you", chosen: "a\tb" }]);
  });

  it("has at most a million fields in a row", async () => {
    const rows = await readAll(csv(`a,b\n${",".repeat(1_000_000)}\n1,2\n`));
    expect(rows).toEqual([
      expect.objectContaining({
        where: "line 2",
        error: expect.objectContaining({ message: expect.stringContaining("1000000 fields") }),
      }),
      expect.objectContaining({ value: { a: "1", b: "2" } }),
    ]);
  });

  it("may hold nothing but names", async () => {
    expect(await valuesOf(csv("a,b"))).toEqual([]);
  });
});

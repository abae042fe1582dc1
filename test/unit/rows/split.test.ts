import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { StarlingError } from "../../../src/errors.ts";
import { openInput } from "../../../src/inputs/open-input.ts";
import { jsonText } from "../../../src/rows/json-text.ts";
import type { CutSize } from "../../../src/rows/split/cut-rule.ts";
import { type SplitOptions, splitRows } from "../../../src/rows/split/split-file.ts";
import { ParquetFile } from "../../../src/rows/write/write-parquet.ts";
import { randomOf } from "../../random.ts";
import { fileOf, readAll } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-split-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let outputs = 0;
const newOutput = () => join(folder, `out-${outputs++}`);

async function split(path: string, size: CutSize, options: Partial<SplitOptions> = {}) {
  const output = options.output ?? newOutput();
  const input = await openInput(path);
  try {
    const result = await splitRows(input, { createdBy: "a test", ...options, output, size });
    return { ...result, output, paths: result.parts.map(({ name }) => join(output, name)) };
  } finally {
    await input.close();
  }
}

/** What a reader makes of each row, without its place. */
async function rowsOf(path: string): Promise<string[]> {
  return (await readAll(path)).map((row) => ("error" in row ? `error: ${row.error.message}` : jsonText(row.value)));
}

async function expectSameRows(path: string, paths: readonly string[]) {
  const all: string[] = [];
  for (const part of paths) all.push(...(await rowsOf(part)));
  expect(all).toEqual(await rowsOf(path));
}

const lines = (
  count: number,
  row = (i: number): unknown => ({ id: i, prompt: `p${i}`, response: "é".repeat(i % 7) }),
) => Array.from({ length: count }, (_, i) => `${JSON.stringify(row(i))}\n`).join("");

describe("JSON lines", () => {
  it("gives parts of so many rows whose bytes are the file's", async () => {
    const text = lines(25);
    const { paths, parts, rows } = await split(fileOf("a.jsonl", text), { rows: 10 });
    expect(parts.map(({ name, rows: own }) => [name, own])).toEqual([
      ["part-00001-of-00003.jsonl", 10],
      ["part-00002-of-00003.jsonl", 10],
      ["part-00003-of-00003.jsonl", 5],
    ]);
    expect(rows).toBe(25);
    expect(paths.map((path) => readFileSync(path, "utf8")).join("")).toBe(text);
  });

  it("gives parts of at most so many bytes, unless a row is longer", async () => {
    const text = lines(40, (i) => ({ text: "x".repeat(i === 20 ? 500 : 20) }));
    const { paths } = await split(fileOf("b.jsonl", text), { bytes: 200 });
    const sizes = paths.map((path) => readFileSync(path).length);
    expect(sizes.filter((size) => size > 200)).toHaveLength(1);
    expect(paths.map((path) => readFileSync(path, "utf8")).join("")).toBe(text);
  });

  it.each([1, 2, 7, 24, 25])("gives %i parts of about the same size, each with a row", async (count) => {
    const text = lines(25, (i) => ({ text: "x".repeat(i === 3 ? 5000 : 10) }));
    const { parts, paths } = await split(fileOf("c.jsonl", text), { parts: count });
    expect(parts).toHaveLength(count);
    expect(Math.min(...parts.map(({ rows }) => rows))).toBeGreaterThan(0);
    expect(paths.map((path) => readFileSync(path, "utf8")).join("")).toBe(text);
  });

  it("gives as many parts as there are rows, if more are asked for", async () => {
    const { parts } = await split(fileOf("d.jsonl", lines(3)), { parts: 10 });
    expect(parts.map(({ name }) => name).at(-1)).toBe("part-00003-of-00003.jsonl");
  });

  it("does not begin a part with what would be read as something else", async () => {
    // An array, a half row, text, and bytes that are no text.
    const odd = ["[1,2]", '{"a":1,', "prompt,response", "\u0000\u0001", '"text"', "{", '\ufeff{"a":2}'];
    const text = odd.flatMap((row, i) => [`{"n":${i}}`, row]).join("\n");
    const long = `{"n":"${"é".repeat(3000)}"}`;
    const path = fileOf("odd.jsonl", `${long}\n${text}\n${long}\n{"n":9}`);
    const { paths, parts } = await split(path, { rows: 1 });
    await expectSameRows(path, paths);
    expect(parts.length).toBeGreaterThan(3);
  });

  it("keeps blank lines, a byte order mark, CRLF and a missing last line end", async () => {
    const text = `\ufeff\n\r\n{"a":1}\r\n\r\n{"a":2}\r\n   \n{"a":3}`;
    const path = fileOf("blank.jsonl", text);
    const { paths } = await split(path, { rows: 1 });
    expect(paths.map((part) => readFileSync(part, "utf8")).join("")).toBe(text);
    await expectSameRows(path, paths);
  });

  it.each(["", "\n \n"])("gives one part of a file without rows (%j)", async (text) => {
    const { paths, rows } = await split(fileOf("none.jsonl", text), { parts: 4 });
    expect(rows).toBe(0);
    expect(paths.map((part) => readFileSync(part, "utf8"))).toEqual([text]);
  });

  it("cuts values of several lines where the next is read as one, too", async () => {
    const values = [{ a: 1 }, { a: { b: [1, 2] } }, { a: "}\n{" }].map((value) => JSON.stringify(value, null, 2));
    const path = fileOf("pretty.json", [...values, "{}", ...values].join("\n"));
    const { paths, parts } = await split(path, { rows: 1 });
    await expectSameRows(path, paths);
    expect(parts.map(({ rows }) => rows)).toEqual([1, 1, 2, 1, 1, 1]);
    expect(paths[0]).toMatch(/\.json$/);
  });
});

describe("JSON arrays", () => {
  it("gives arrays", async () => {
    const path = fileOf(
      "array.json",
      JSON.stringify(
        Array.from({ length: 7 }, (_, i) => ({ i, text: "],[{" })),
        null,
        2,
      ),
    );
    const { paths, parts } = await split(path, { rows: 3 });
    expect(parts.map(({ rows }) => rows)).toEqual([3, 3, 1]);
    const all = paths.flatMap((part) => JSON.parse(readFileSync(part, "utf8")) as unknown[]);
    expect(all).toEqual(JSON.parse(readFileSync(path, "utf8")));
  });

  it.each([
    ['[{"a":1},,{"a":2},{"a":3}]', "nothing before a comma"],
    ['[{"a":1},{"a":2},]', "a comma before the end"],
    ['[{"a":1},\n{"a" 2},\n{"a":3}', "no end"],
    ["[]", "no element"],
    ['\ufeff [1, [2], "x", {"a":[]}]\n\n', "elements of all kinds"],
  ])("%s: %2$s", async (text) => {
    const path = fileOf("odd.json", text);
    const { paths } = await split(path, { rows: 1 });
    await expectSameRows(path, paths);
  });
});

describe("tables", () => {
  it("has the header in every part, and keeps line breaks in quoted cells", async () => {
    const rows = Array.from({ length: 9 }, (_, i) => `${i},"line one\nline, ""two""\r\n",x\r\n`);
    const path = fileOf("a.csv", `id,prompt,response\r\n${rows.join("")}`);
    const { paths, parts } = await split(path, { rows: 4 });
    expect(parts.map((part) => part.rows)).toEqual([4, 4, 1]);
    for (const part of paths) expect(readFileSync(part, "utf8")).toMatch(/^id,prompt,response\r\n/);
    await expectSameRows(path, paths);
  });

  it.each([
    ["semicolons.csv", "prompt;response, long\n1;2\n3;4\n5;6\n"],
    ["named.csv", "sep=|\nprompt|response;x\n1|2\n3|4\n"],
    ["nameless.tsv", "\tprompt\tresponse\n0\ta\tb\n1\tc\td\n"],
    ["mark.csv", '\ufeff"prompt","response"\na,b\n,\n"",""\nc,d\n\n'],
    ["broken.csv", 'prompt,response\na\n"b"c,d\ne,f\n"never, closed\ng,h\n'],
    ["one.csv", "prompt\na\n\nb,c\nd"],
    ["data.txt", "question|answer\na|b\nc|d\n"],
    ["header.csv", "prompt,response"],
  ])("%s", async (name, text) => {
    const path = fileOf(name, text);
    const { paths } = await split(path, { rows: 1 });
    await expectSameRows(path, paths);
  });

  it("refuses a file without a header as its reader does", async () => {
    const error = await split(fileOf("empty.csv", ""), { rows: 1 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StarlingError);
    expect((error as Error).message).toContain("begins with the names of its columns");
  });
});

it("gives the rows of random files, however they are cut", async () => {
  const random = randomOf(7);
  const pieces = [
    '{"a":1}',
    '{"prompt":"x\\ny","response":"é"}',
    "[",
    "{",
    "",
    " ",
    "\r",
    '"a',
    "1,2",
    '{"b":[1,{}]}',
    "]",
    ",",
  ];
  for (let i = 0; i < 80; i++) {
    const glue = ["\n", ",", "\r\n"][random(3)] as string;
    const count = random(12);
    const body = Array.from({ length: count }, () => pieces[random(pieces.length)]).join(glue);
    const [start, end] = (
      [
        ["", ""],
        ["[", "]"],
        ['{"n":0}\n', "\n"],
        ["prompt,response\n", ""],
      ] as const
    )[i % 4] as [string, string];
    const path = fileOf(`random.${["jsonl", "json", "csv"][i % 3]}`, start + body + end);
    const whole = await rowsOf(path).catch((error: unknown) => error as Error);
    const parts = await split(path, { rows: 1 }).catch((error: unknown) => error as Error);
    if (whole instanceof Error) {
      // What cannot be read is refused, or broken in the same way.
      if (!(parts instanceof Error)) await expect(Promise.all(parts.paths.map(rowsOf))).rejects.toThrow();
    } else if (parts instanceof Error) throw new Error(`${JSON.stringify(start + body + end)}: ${parts.message}`);
    else await expectSameRows(path, parts.paths);
  }
});

describe("compressed files", () => {
  it("gives compressed parts of the decompressed size asked for", async () => {
    const text = lines(50);
    const path = fileOf("a.jsonl.gz", gzipSync(text));
    for (const size of [{ rows: 20 }, { parts: 3 }]) {
      const { paths } = await split(path, size);
      expect(paths).toHaveLength(3);
      expect(paths[0]).toMatch(/\.jsonl\.gz$/);
      expect(paths.map((part) => gunzipSync(readFileSync(part)).toString()).join("")).toBe(text);
    }
  });

  it("leaves no part of a file that is cut off", async () => {
    const output = newOutput();
    const path = fileOf("cut.jsonl.gz", gzipSync(lines(5000, (i) => ({ i, x: Math.sin(i) }))).subarray(0, -100));
    await expect(split(path, { rows: 10 }, { output })).rejects.toThrow("is truncated");
    expect(existsSync(output)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

async function parquetOf(name: string, rows: readonly object[]): Promise<string> {
  const file = new ParquetFile({ names: () => Object.keys(rows[0] ?? {}), createdBy: "a test" });
  const records = rows.map((row) => new Map(Object.entries(row).map(([key, value]) => [key, JSON.stringify(value)])));
  for (const record of records) file.look(record);
  const chunks: Uint8Array[] = [];
  for await (const bytes of file.bytes(
    (async function* () {
      yield* records;
    })(),
  ))
    chunks.push(bytes);
  return fileOf(name, Buffer.concat(chunks));
}

const fixtures = join(import.meta.dirname, "../../fixtures");
/** Not all of those that differ only in their compression. */
const STORED = /^(?!mixed-(?:brotli|gzip|lz4|none|plain|snappy|v2-none)).*\.parquet$/;
const stored = ["rows", "datasets"].flatMap((each) =>
  readdirSync(join(fixtures, each)).flatMap((name) => (STORED.test(name) ? [join(each, name)] : [])),
);

describe("parquet", () => {
  // The writer begins a row group after 10,000 rows.
  const rows = Array.from({ length: 25_000 }, (_, i) => ({
    prompt: `p${i >> 2}`,
    n: i,
    list: i % 3 === 0 ? null : [i, -i],
  }));

  it("copies whole row groups where they fit", async () => {
    const path = await parquetOf("groups.parquet", rows);
    const copied = await split(path, { rows: 12_000 });
    expect(copied.parquet).toBe("copied");
    expect(copied.parts.map((part) => part.rows)).toEqual([10_000, 10_000, 5000]);
    await expectSameRows(path, copied.paths);
    expect((await split(path, { rows: 20_000 })).parts.map((part) => part.rows)).toEqual([20_000, 5000]);
    const even = await split(path, { parts: 3 });
    expect([even.parquet, even.parts.map((part) => part.rows)]).toEqual(["copied", [10_000, 10_000, 5000]]);
  });

  it("keeps rows of one prompt together, and gives exactly as many parts as asked for", async () => {
    const path = await parquetOf("small.parquet", rows.slice(0, 40));
    const together = await split(path, { rows: 6 }, { together: "prompt" });
    expect(together.parts.map((part) => part.rows)).toEqual([8, 8, 8, 8, 8]);
    await expectSameRows(path, together.paths);
    const cut = await split(path, { rows: 11 });
    expect([cut.parquet, cut.parts.map((part) => part.rows)]).toEqual(["rewritten", [11, 11, 11, 7]]);
    await expectSameRows(path, cut.paths);
    const even = await split(path, { parts: 7 });
    expect(even.parts).toHaveLength(7);
    await expectSameRows(path, even.paths);
  });

  it.each(stored)("%s: the same rows, copied and rewritten or refused", async (name) => {
    const path = join(fixtures, name);
    await expectSameRows(path, (await split(path, { rows: 1e9 })).paths);
    const cut = await split(path, { rows: 1 }).catch((error: unknown) => error as Error);
    if (cut instanceof Error) expect(cut.message).toMatch(/cannot be written again|cannot be cut inside/);
    else await expectSameRows(path, cut.paths);
  });
});

describe("keep together", () => {
  it("cuts only between prompts", async () => {
    const path = fileOf(
      "prompts.jsonl",
      lines(12, (i) => ({ prompt: `p${Math.floor(i / 5)}`, response: i })),
    );
    for (const size of [{ rows: 2 }, { parts: 12 }, { bytes: 10 }]) {
      const { parts, paths } = await split(path, size, { together: "prompt" });
      expect(parts.map(({ rows }) => rows)).toEqual([5, 5, 2]);
      await expectSameRows(path, paths);
    }
    const table = fileOf("prompts.csv", "prompt,response\na,1\na,2\nb,3\n");
    expect((await split(table, { rows: 1 }, { together: "prompt" })).parts.map(({ rows }) => rows)).toEqual([2, 1]);
  });

  it.each(["typo.jsonl", "typo.csv"])("refuses a field that no row has (%s)", async (name) => {
    const path = fileOf(name, name.endsWith("csv") ? "prompt,response\na,1\nb,2\n" : lines(3));
    await expect(split(path, { rows: 1 }, { together: "promt" })).rejects.toThrow('No row has the field "promt"');
  });
});

describe("the folder", () => {
  it("keeps parts of an earlier run unless they may be replaced, and then no part of it is left", async () => {
    const path = fileOf("folder.jsonl", lines(10));
    const { output } = await split(path, { rows: 1 });
    await expect(split(path, { rows: 5 }, { output })).rejects.toThrow("it already has parts");
    writeFileSync(join(output, "notes.txt"), "mine");
    await split(path, { rows: 5 }, { output, overwrite: true });
    expect(readdirSync(output).sort()).toEqual(["notes.txt", "part-00001-of-00002.jsonl", "part-00002-of-00002.jsonl"]);
  });

  it("refuses a folder with other rows, and one that is a file", async () => {
    const path = fileOf("other.jsonl", lines(2));
    const output = newOutput();
    mkdirSync(output);
    writeFileSync(join(output, "theirs.csv"), "a\n");
    await expect(split(path, { rows: 1 }, { output })).rejects.toThrow("theirs.csv");
    await expect(split(path, { rows: 1 }, { output: path })).rejects.toThrow("it is not a folder");
    expect(readdirSync(output)).toEqual(["theirs.csv"]);
  });

  it("uses an empty folder, and makes missing ones", async () => {
    const path = fileOf("empty.jsonl", lines(2));
    const output = newOutput();
    mkdirSync(output);
    expect((await split(path, { rows: 1 }, { output })).parts).toHaveLength(2);
    expect((await split(path, { rows: 1 }, { output: join(newOutput(), "a", "b/") })).parts).toHaveLength(2);
    expect(readdirSync(output)).toHaveLength(2);
  });
});

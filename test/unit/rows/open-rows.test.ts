import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openRows } from "../../../src/rows/open-rows.ts";
import { collect, fileOf, readAll, valuesOf } from "./support.ts";

const rows = join("test", "fixtures", "rows");
const LINES = '{"a":1}\n\n{"a":2}\r\n';

describe("the format is told by the content", () => {
  it.each([
    ["JSON lines", "x.jsonl", LINES],
    ["JSON lines under another name", "x.txt", LINES],
    ["JSON lines called JSON", "x.json", LINES],
    ["an array", "x.json", '[{"a":1},\n {"a":2}]'],
    ["values one after another", "x.json", '{\n "a": 1\n}\n{\n "a": 2\n}\n'],
    ["a byte order mark", "x.jsonl", `\ufeff${LINES}`],
    ["gzip", "x.jsonl.gz", gzipSync(LINES)],
    ["gzip without its ending", "x.jsonl", gzipSync(LINES)],
    ["two gzip members", "x.gz", Buffer.concat([gzipSync('{"a":1}\n'), gzipSync('{"a":2}\n')])],
    ["CSV with numbers as texts", "x.csv", "a\n1\n2\n", ["1", "2"]],
    ["compressed CSV", "x.csv.gz", gzipSync("a\n1\n2\n"), ["1", "2"]],
  ])("%s", async (_, name, content, values: unknown[] = [1, 2]) => {
    expect(await valuesOf(fileOf(name, content))).toEqual(values.map((a) => ({ a })));
  });

  it("gzip, zstd and xz as other programs write them", async () => {
    expect(await valuesOf(join(rows, "lines.jsonl.gz"))).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    for (const name of ["lines.jsonl.zst", "lines.jsonl.xz"])
      expect(await valuesOf(join(rows, name))).toEqual(
        Array.from({ length: 3000 }, (_, i) => ({ i, text: "zstd ".repeat(200) })),
      );
  });
});

it("numbers rows from 1 and says where they are; a broken one does not stop the others", async () => {
  expect(await readAll(fileOf("x.jsonl", '{"a":1}\n\nnonsense\n{"a":3}\n'))).toEqual([
    { row: 1, where: "line 1", value: { a: 1 } },
    { row: 2, where: "line 3", error: expect.objectContaining({ code: "ERR_INVALID_JSON", line: 3 }) },
    { row: 3, where: "line 4", value: { a: 3 } },
  ]);
});

it("reads from the start in every loop", async () => {
  const file = await openRows(fileOf("x.jsonl.gz", gzipSync(LINES)));
  for await (const { row } of file.rows) if (row === 1) break;
  expect((await collect(file.rows)).length).toBe(2);
  await file.close();
});

it("gives the hash of the file as it lies there", async () => {
  const path = join(rows, "lines.jsonl.zst");
  const file = await openRows(path, { name: "another name.jsonl" });
  expect(file.name).toBe("another name.jsonl");
  expect(await file.sha256()).toBe(createHash("sha256").update(readFileSync(path)).digest("hex"));
  await file.close();
});

describe("refuses", () => {
  const zstd = readFileSync(join(rows, "lines.jsonl.zst"));
  const xz = readFileSync(join(rows, "lines.jsonl.xz"));
  const gzip = gzipSync(LINES);
  const tar = Buffer.concat([Buffer.from("rows.jsonl".padEnd(257, "\0")), Buffer.from("ustar  \0".padEnd(255, "\0"))]);
  const hugeWindow = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 1, 0, 0]);
  const hugeContent = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0]);

  it.each([
    ["cut-off gzip", gzip.subarray(0, -9), /is truncated: it ends at byte \d+, inside gzip data/],
    [
      "damaged gzip",
      Buffer.concat([gzip.subarray(0, 10), Buffer.alloc(20, 255)]),
      /is damaged: its gzip data cannot be read near byte \d+/,
    ],
    ["cut-off zstd", zstd.subarray(0, -1), /is truncated: it ends at byte \d+, inside zstd data/],
    ["zstd cut off in its header", zstd.subarray(0, 5), /is truncated/],
    [
      "damaged zstd",
      Buffer.concat([zstd.subarray(0, 9), Buffer.alloc(900, 255)]),
      /is damaged: its zstd data cannot be read near byte \d+/,
    ],
    ["bytes behind zstd", Buffer.concat([zstd, Buffer.from("more")]), /does not start with the format/],
    ["a zstd window of 1 GiB", hugeWindow, /needs a window of 1073741824 bytes/],
    ["zstd of a PiB in one segment", hugeContent, /needs a window of/],
    [
      "xz cut off in its header",
      Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]),
      /is truncated: it ends at byte 8, inside xz/,
    ],
    ["cut-off xz", xz.subarray(0, -1), /is truncated: it ends at byte \d+, inside xz data/],
    [
      "damaged xz",
      Buffer.concat([xz.subarray(0, 40), Buffer.alloc(40, 255), xz.subarray(80)]),
      /xz data .*near byte \d+/,
    ],
    ["bytes behind xz", Buffer.concat([xz, Buffer.from("more ".repeat(9))]), /is damaged: .*near byte \d+/],
    ["bzip2", Buffer.from("BZh91AY"), /bzip2/],
    ["a zip archive", Buffer.from([0x50, 0x4b, 3, 4, 0, 0]), /zip archive/],
    ["a tar archive", tar, /is a tar archive, which is not supported: unpack it with tar -xf first/],
    ["a compressed tar archive", gzipSync(tar), /is a tar archive/],
    ["an Arrow file", Buffer.from("ARROW1\0\0"), /is an Arrow or Feather file/],
    [
      "an Arrow stream",
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xb8, 1, 0, 0, 0x10, 0]),
      /is an Arrow stream.*datasets\.Dataset\.from_file\(OLD\)\.to_parquet/,
    ],
    ["an old Feather file", Buffer.from("FEA1\0\0\0\0"), /is a Feather file/],
    ["a page of a web site", Buffer.from("<!DOCTYPE html>\n<html>"), /is a web page \(HTML\)/],
    ["UTF-16 without a byte order mark", Buffer.from('{"a":1}', "utf16le"), /UTF-16/],
    ["damaged UTF-16", Buffer.from('\ufeff{"a":"\udc00"}', "utf16le"), /UTF-16 text cannot be read near byte 0/],
    [
      "UTF-16 cut off in a letter",
      Buffer.from('\ufeff{"a":1}', "utf16le").subarray(0, -1),
      /UTF-16 text cannot be read/,
    ],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0, 0x7d, 0, 0, 0]), /looks like UTF-32: convert it/],
    ["a binary file", Buffer.from([1, 2, 3, 0, 5, 6, 7]), /binary file/],
  ])("%s", async (_, bytes, message) => {
    await expect(readAll(fileOf("x.jsonl", bytes))).rejects.toThrow(
      expect.objectContaining({ name: "FileError", message: expect.stringMatching(message) }),
    );
  });

  it("what is not there, is a folder, or is asked for with a wrong option", async () => {
    await expect(openRows("/nowhere/x.jsonl")).rejects.toThrow(/does not exist/);
    await expect(openRows(rows)).rejects.toThrow(/not a regular file/);
    await expect(openRows(rows, { nmae: "x" } as never)).rejects.toThrow(/Did you mean "name"/);
  });
});

it("holds one row of a stream that never ends its line, and says so", async () => {
  const bomb = gzipSync(
    Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(80 * 1024 * 1024, 0x20), Buffer.from('"}\n7\n')]),
  );
  expect(bomb.length).toBeLessThan(200_000);
  expect(await valuesOf(fileOf("bomb.jsonl.gz", bomb))).toEqual([expect.stringMatching(/longer than 67108864/), 7]);
});

describe("a file that is something else", () => {
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";

  it.each(["x.parquet", "x.jsonl", "x.csv", "x.json.gz", "x"])("as %s is named: a pointer of Git LFS", async (name) => {
    await expect(readAll(fileOf(name, pointer))).rejects.toThrow(
      /cannot be read: it is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`/,
    );
  });

  it.each([
    ["ARROW1\0\0", /is an Arrow or Feather file.*to_parquet/],
    ["<html>no</html>", /is a web page \(HTML\)/],
    ['{"a":1}', /is not a parquet file, despite its name/],
  ])("as x.parquet is named: %j", async (content, message) => {
    await expect(readAll(fileOf("x.parquet", content))).rejects.toThrow(message);
    await expect(readAll(fileOf("y.parquet.gz", gzipSync(content)))).rejects.toThrow(message);
  });
});

describe("an empty file", () => {
  it.each(["x", "x.jsonl", "x.json", "x.txt"])("called %s has no rows: JSON lines may be none", async (name) => {
    for (const content of ["", " \n\n", "\ufeff"]) expect(await readAll(fileOf(name, content))).toEqual([]);
    expect(await readAll(fileOf(`${name}.gz`, gzipSync("")))).toEqual([]);
  });

  it.each([
    ["x.csv", /x\.csv is empty: a CSV file begins with the names of its columns/],
    ["x.tsv", /x\.tsv is empty: a TSV file begins with the names of its columns/],
    ["x.parquet", /x\.parquet is empty, which a parquet file never is: download or write it again/],
  ])("called %s is refused, whatever it is packed in", async (name, message) => {
    await expect(readAll(fileOf(name, ""))).rejects.toThrow(message);
    await expect(readAll(fileOf(`${name}.gz`, gzipSync("")))).rejects.toThrow(/x\.\w+\.gz is empty/);
  });

  it.each([
    ["x.jsonl.gz", "gzip"],
    ["x.csv.zst", "zstd"],
    ["x.parquet.xz", "xz"],
    ["x.gzip", "gzip"],
  ])("called %s is refused: compression has a header", async (name, kind) => {
    await expect(readAll(fileOf(name, ""))).rejects.toThrow(
      new RegExp(`is empty, which an? ${kind} file never is: download or write it again`),
    );
  });

  it("is what the format says that is asked for", async () => {
    const read = async (name: string, format: "csv" | "tsv" | "parquet" | "jsonl") => {
      const file = await openRows(fileOf(name, ""), { format });
      return collect(file.rows).finally(() => file.close());
    };
    await expect(read("x.jsonl", "parquet")).rejects.toThrow(/is empty, which a parquet file/);
    await expect(read("x.csv", "tsv")).rejects.toThrow(/is empty: a TSV file/);
    expect(await read("x.csv", "jsonl")).toEqual([]);
  });
});

it.each([
  ["w.csv", "utf16le", "UTF-16LE", "unicode"],
  ["w.tsv", "utf16be", "UTF-16BE", "bigendianunicode"],
] as const)("says of %s in %s what it is, and nothing else", async (name, encoding, iconv, powershell) => {
  const bytes = Buffer.from("prompt,response\na,b\n", "utf16le");
  if (encoding === "utf16be") bytes.swap16();
  const notices: string[] = [];
  const file = await openRows(fileOf(name, bytes), { onNotice: (notice) => void notices.push(notice) });
  await expect(collect(file.rows)).rejects.toThrow(
    expect.objectContaining({
      message: expect.stringMatching(new RegExp(`iconv -f ${iconv} .*-Encoding ${powershell}\\b`)),
    }),
  );
  await file.close();
  expect(notices).toEqual([]);
});

describe("UTF-16 with a byte order mark, as PowerShell and Excel write it", () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => ({ a: `Grüße 🦆 ${i}` }));
  const jsonl = Buffer.from(`\ufeff${lines.map((line) => JSON.stringify(line)).join("\r\n")}\r\n`, "utf16le");
  const table = Buffer.from("\ufeffprompt\tresponse\r\nGrüße\tja\r\n", "utf16le");
  it.each([
    ["x.jsonl", jsonl, lines],
    ["x.jsonl", Buffer.from(jsonl).swap16(), lines],
    ["x.jsonl.gz", gzipSync(jsonl), lines],
    ["x.txt", table, [{ prompt: "Grüße", response: "ja" }]],
    ["x.csv", Buffer.from(table).swap16(), [{ prompt: "Grüße", response: "ja" }]],
  ])("%s", async (name, bytes, expected) => {
    expect(await valuesOf(fileOf(name, bytes))).toEqual(expected);
  });
});

it("reads an empty file as one without rows", async () => {
  expect(await valuesOf(fileOf("empty.jsonl", ""))).toEqual([]);
  expect(await valuesOf(fileOf("empty.jsonl.gz", gzipSync("")))).toEqual([]);
});

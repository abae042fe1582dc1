/** White space of any length takes no memory, wherever it stands between rows. */
import { describe, expect, it } from "vitest";
import { csvRows } from "../../../src/rows/csv-rows.ts";
import { readJsonRows } from "../../../src/rows/json-rows.ts";

/** More than the longest row. */
const BLANK_MIB = 72;
const MOST_MIB = 50;

/** Reads two texts with blanks between them; watches what is held beside the heap. */
async function read(first: string, blank: string, last: string, isCsv = false): Promise<unknown[]> {
  const blanks = Buffer.alloc(1 << 20, blank);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (first !== "") yield Buffer.from(first);
    for (let i = 0; i < BLANK_MIB; i++) {
      yield blanks;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    yield Buffer.from(last);
  }
  const rows: unknown[] = [];
  const source = isCsv ? csvRows(chunks(), "x.csv") : readJsonRows(chunks(), "x.jsonl");
  for await (const row of source) rows.push("error" in row ? row.error.message : row.value);
  // Behind a row they may belong to it, and are held up to the longest row.
  if (first.trim() === "" || first.startsWith("[")) expect(most / (1 << 20)).toBeLessThan(MOST_MIB);
  return rows;
}

describe("blanks take no memory and no row", () => {
  it.each([
    ["before lines", " ", ["", '{"a":1}\n{"a":2}']],
    ["of many lines", "\n", ["\ufeff", '{"a":1}\n{"a":2}']],
    ["between lines, and behind a row", " ", ['{"a":1}', '\n{"a":2}\n']],
    ["before an array", "\t", ["\ufeff", '[{"a":1},{"a":2}]']],
    ["between its elements", " ", ['[{"a":1},', '{"a":2}]']],
    ["between values of several lines", " ", ['{\n"a":1}', '{"a":2}']],
  ])("%s", { timeout: 60_000 }, async (_, blank, [first, last]) => {
    expect(await read(first as string, blank, last as string)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it.each([" ", "\n"])("before the first line of CSV (%j)", { timeout: 60_000 }, async (blank) => {
    expect(await read("", blank, "a,b\n1,2\n", true)).toEqual([{ a: "1", b: "2" }]);
  });
});

it("a row that goes on behind blanks which were too long is not put together without them", {
  timeout: 60_000,
}, async () => {
  expect(await read('{"a":"x', " ", 'y"}\n{"a":2}\n')).toEqual(["It is longer than 67108864 bytes.", { a: 2 }]);
});

/** --fields: names that no row has, and when that is known. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { ended, file, folder, jsonLines, parseLines, run, start, tiny } from "./run-cli.ts";

const pair = { prompt: "Capital of France?", response: "Paris." };
const rows = (count: number, fields: (i: number) => object = () => ({})) =>
  jsonLines(Array.from({ length: count }, (_, i) => ({ id: i, ...pair, ...fields(i) })));
const few = file("few.jsonl", rows(3));
const csv = file("few.csv", "id,prompt,response\n1,a,b\n2,a,c\n");
/** It cannot be loaded: a mistake that is found before it is. */
const noModel = ["--model", join(folder, "none.gguf")];
const output = () => join(mkdtempSync(join(folder, "out-")), "out.jsonl");

describe("a name that no row has is refused before a model is loaded, with the names that there are", () => {
  it.each<[string, string[], RegExp]>([
    [
      "unknown",
      ["score", "-i", few, "--fields", "nope"],
      /no row has a field "nope"\. Fields: index, score, tokenCount/,
    ],
    ["mistyped", ["score", "-i", few, "--fields", "id,scroe"], /no row has a field "scroe"\. Did you mean "score"\?/],
    ["mistyped, of the input", ["score", "-i", few, "--fields", "promt"], /Did you mean "prompt"\?/],
    ["in a table", ["score", "-i", csv, "--fields", "id,nope"], /no row has a field "nope"/],
    [
      "of another command",
      ["rank", "-p", "a", "-r", "b", "-r", "c", "--fields", "score"],
      /no row has a field "score"/,
    ],
    [
      "of a row of several",
      ["score", "-i", few, "--fields", "scores"],
      /no row has a field "scores"\. Did you mean "score"/,
    ],
    ["of another format", ["score", "-i", few, "-f", "csv", "--fields", "error"], /Did you mean "errorCode"\?/],
    ["of --per-token", ["score", "-i", few, "--fields", "tokenRewards"], /--fields tokenRewards needs --per-token/],
    [
      "of what fails, where that is not written",
      ["score", "-i", few, "--best", "--fields", "error"],
      /no row has a field "error"/,
    ],
  ])("%s", async (_, args, message) => {
    const to = output();
    const { code, stdout, stderr } = await run([...args, ...noModel, "-o", to]);
    expect(stderr).toMatch(message);
    expect([code, stdout, existsSync(to)]).toEqual([2, "", false]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("in none of the first 100 rows, where a later one could have it", async () => {
    const late = file(
      "late.jsonl",
      rows(150, (i) => (i === 140 ? { note: "x" } : {})),
    );
    const none = await run(["score", "-i", late, "--fields", "nope", ...noModel]);
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringMatching(/none of the first 100 rows has a field "nope"/),
    ]);
    const some = await run(["score", "-i", late, "--fields", "id,note", ...tiny]);
    expect(some.code).toBe(0);
    expect(some.stderr).toMatch(/^starling-rm: warning: --fields: none of the first 100 rows has a field "note"/m);
    expect(parseLines(some.stdout)).toHaveLength(150);
    expect(parseLines(some.stdout)[140]).toEqual({ id: 140, note: "x" });
  });
});

it("a name that only a later row has is written without a word", async () => {
  const late = file(
    "second.jsonl",
    rows(3, (i) => (i === 2 ? { note: "x" } : {})),
  );
  const { code, stdout, stderr } = await run(["score", "-i", late, "--fields", "note", ...tiny]);
  expect([code, parseLines(stdout)]).toEqual([0, [{}, {}, { note: "x" }]]);
  expect(stderr).not.toMatch(/--fields/);
});

it.each<[string, string[], string[]]>([
  ["results and texts", ["score", "-i", few], ["index", "score", "truncated", "prompt"]],
  ["an error", ["score", "-i", few], ["id", "error"]],
  ["errors in cells", ["score", "-i", few, "-f", "csv"], ["id", "errorCode"]],
  [
    "a response of several",
    ["rank", "-p", "a", "-r", "b", "-r", "c", "-f", "csv"],
    ["rank", "response", "responseIndex"],
  ],
  ["the best response", ["rank", "-p", "a", "-r", "b", "-r", "c", "--best"], ["response", "score"]],
  ["token rewards", ["score", "-i", few, "--per-token"], ["tokenRewards"]],
])("%s are known", async (_, args, fields) => {
  const { code, stdout, stderr } = await run([...args, "--fields", fields.join(), ...tiny]);
  expect([code, stdout.length > 10]).toEqual([0, true]);
  expect(stderr).not.toMatch(/no row has|first row/);
});

describe("rows of a pipe", () => {
  it("are not waited for, and a table is refused by its first", async () => {
    const { code, stdout, stderr } = await run(["score", "-i", "-", "--fields", "id,nope", ...tiny], readFileSync(csv));
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/no row has a field "nope"/);
  });

  it("get a warning with the first, and none of the fields at the end is a failure", async () => {
    const child = start(["score", ...tiny, "--input", "-", "--fields", "nope"]);
    const end = ended(child);
    const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    child.stdin.write(rows(1));
    let line = "";
    while (!line.includes("--fields")) line = ((await lines.next()).value ?? "--fields") as string;
    expect(line).toMatch(/warning: --fields: the first row does not have a field "nope"/);
    child.stdin.end(rows(1));
    const { code, stderr } = await end;
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no row has any of the fields that --fields names/)]);
  });

  it("may have the fields later", async () => {
    const later = rows(2, (i) => (i === 1 ? { note: "x" } : {}));
    const { code, stdout } = await run(["score", ...tiny, "--input", "-", "--fields", "note"], later);
    expect([code, parseLines(stdout)]).toEqual([0, [{}, { note: "x" }]]);
  });
});

it("on a terminal the rows have the chosen fields, and a table is refused", async () => {
  const child = start(["score", ...tiny, "--input", few, "--fields", "id"], { STARLING_RM_FORCE_TTY: "stdout" });
  const end = ended(child);
  await once(child, "close");
  expect((await end).stdout).toBe('{"id":0}\n{"id":1}\n{"id":2}\n');
  const table = await run(["score", ...tiny, "--input", few, "--fields", "id", "--format", "table"]);
  expect([table.code, table.stderr]).toEqual([2, expect.stringMatching(/choose another --format/)]);
});

/** readItems(): any input as items to score. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findFiles } from "../../../src/inputs/find-files.ts";
import { readItems } from "../../../src/inputs/read-items.ts";
import { COMMIT } from "../hub/fake-hub.ts";
import { emptyFolder, startHub } from "../hub/support.ts";
import { collect } from "../rows/support.ts";

const folder = emptyFolder();
function file(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

it("yields each row with its items, its fields and its place", async () => {
  const one = file("one.csv", "question;answer;id\nQ;A;7\n;B;8\n");
  const two = file("two.jsonl", '{"prompt":"P","responses":["a","b"],"id":12345678901234567890}\nbroken\n');
  const notices: string[] = [];
  const rows = await collect(readItems([one, two], {}, { onNotice: (message) => void notices.push(message) }));
  expect(rows).toMatchObject([
    {
      file: one,
      row: 1,
      where: `${one}, line 2`,
      value: { question: "Q", answer: "A", id: "7" },
      many: false,
      items: [{ prompt: "Q", response: "A" }],
      from: { prompt: ["question"], response: ["answer"] },
    },
    { file: one, row: 2, error: { code: "ERR_INVALID_ITEM" } },
    {
      file: two,
      row: 1,
      where: `${two}, line 1`,
      many: true,
      items: [{ response: "a" }, { response: "b" }],
      json: expect.stringContaining("12345678901234567890"),
    },
    { file: two, row: 2, error: { code: "ERR_INVALID_JSON" } },
  ]);
  expect(rows.map(({ fraction }) => fraction)).toEqual([...rows.map(({ fraction }) => fraction)].sort());
  expect(rows.at(-1)?.fraction).toBe(1);
  expect(notices).toEqual([
    `${one} is CSV with semicolons between its fields`,
    'reading prompt from "question", response from "answer"',
    'reading response from "answer"',
  ]);
});

it("names the row's own field in an error", async () => {
  const [row] = await collect(readItems(file("bad.jsonl", '{"q":5,"response":"a"}'), { prompt: "q" }));
  expect(row).toMatchObject({
    error: { message: expect.stringMatching(/for row\.prompt but received .*\(prompt is read from "q"\)\.$/) },
  });
});

describe("refuses", () => {
  it.each([
    [[], {}, {}, /Expected the name of a file, or a list of names, for input/],
    [["x"], [], {}, /for mapping/],
    [["x"], {}, { fromat: "csv" }, /Did you mean "format"/],
    [["x"], {}, { format: "xml" }, /one of "jsonl"/],
  ])("%j, %j, %j", (input, mapping, options, message) => {
    expect(() => readItems(input, mapping as never, options as never)).toThrow(message);
  });

  it("what is not there, before any row", async () => {
    await expect(collect(readItems("/nowhere.csv"))).rejects.toThrow(/does not exist/);
    await expect(collect(readItems(emptyFolder()))).rejects.toThrow(/is a folder without files of rows/);
    await expect(collect(readItems(file("x.jsonl", "{}"), { promt: "q" }))).rejects.toThrow(/Did you mean "prompt"/);
  });
});

it("finds files by pattern and in folders, in order, and a file with a name like a pattern", async () => {
  const [a, b, c] = [file("many/b.csv", ""), file("many/a.jsonl.xz", ""), file("many/sub/c.parquet", "")];
  file("many/.hidden/d.csv", "");
  file("many/readme.md", "");
  const odd = file("many/sub/e[1].csv", "");
  const paths = async (...inputs: string[]) => (await findFiles(inputs)).map(({ path }) => path);
  expect(await paths(join(folder, "many"))).toEqual([b, a, c, odd]);
  expect(await paths(join(folder, "many", "*.csv"), b)).toEqual([a, b]);
  expect(await paths(odd)).toEqual([odd]);
  await expect(paths(join(folder, "none-*.csv"))).rejects.toThrow(/does not exist, and no file matches it/);
});

it("reads a data set on the hub", async () => {
  const hub = await startHub({ "data/a.jsonl": '{"question":"Q","answer":"A"}\n', "b.csv": "x\n1\n" });
  hub.kind = "dataset";
  const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
  const [row, ...more] = await collect(readItems(`hf:${hub.repository}/data/a.jsonl`, {}, options));
  expect(more).toEqual([]);
  expect(row).toMatchObject({
    file: `hf:${hub.repository}@${COMMIT}/data/a.jsonl`,
    items: [{ prompt: "Q", response: "A" }],
  });
  await expect(collect(readItems(`hf:${hub.repository}`, {}, options))).rejects.toThrow(/several files: name one/);
});

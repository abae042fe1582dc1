/** eval over a folder: results of each file, and the report on all of them. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folder, jsonLines, parseLines, run, tiny } from "../run-cli.ts";

const input = join(folder, "eval");
const output = join(folder, "eval-out");
const pairs = (name: string) =>
  jsonLines([
    { prompt: `${name} capital of France?`, chosen: "Paris.", rejected: "No idea." },
    { prompt: "The same question in both files?", chosen: "Yes.", rejected: "Paris." },
    { prompt: `${name} ranked?`, responses: ["Paris is the capital.", "Lyon", "?"], ranks: [1, 2, 3] },
    { prompt: "no answers" },
  ]);
mkdirSync(join(input, "sub"), { recursive: true });
writeFileSync(join(input, "a.jsonl"), pairs("a"));
writeFileSync(join(input, "sub", "b.jsonl"), pairs("b"));
const task = ["eval", "pairs", "--input", input, "--output", output];

it("makes of the results of each file the report on all files", async () => {
  const ran = await run([...task, ...tiny, "--partitions"]);
  expect(ran.stderr).toContain("2 partitions, 2 written, 8 rows");
  expect(ran.code).toBe(1);
  const whole = await run(["eval", "pairs", ...tiny, "--input", input, "--limit", "all", "--json"]);
  const checked = await run([...task, "--check", "--json"]);
  expect(checked.code).toBe(0);
  const { report, ...summary } = JSON.parse(checked.stdout);
  expect(report).toEqual(JSON.parse(whole.stdout));
  expect(summary).toMatchObject({ ok: true, command: "eval pairs", rows: 8, failures: 2, partitions: 2 });
  const table = await run([...task, "--check"]);
  expect(table.stdout).toContain("accuracy");
  const again = await run([...task, ...tiny, "--shard", "1/1"]);
  expect(again.stderr).toContain("nothing to do");
  const list = await run([...task, "--list"]);
  expect(parseLines(list.stdout)).toMatchObject([{ partition: "a.jsonl" }, { partition: "sub/b.jsonl" }]);
});

it("counts the tokens of scores that it knew already", async () => {
  const tokensOf = async (name: string) => {
    const at = join(folder, name);
    await run(["eval", "pairs", ...tiny, "--input", input, "--output", at, "--partitions"]);
    const { stdout } = await run(["eval", "pairs", "--input", input, "--output", at, "--check", "--json"]);
    const read = (file: string) => parseLines(readFileSync(join(at, file), "utf8"));
    const counts = [...read("a.jsonl"), ...read("sub/b.jsonl")].flatMap(({ tokenCounts }) => tokenCounts as number[]);
    return [JSON.parse(stdout).tokens, counts.reduce((sum, count) => sum + count, 0)];
  };
  const [first, counted] = await tokensOf("eval-first");
  expect(first).toBe(counted);
  expect(first).toBeGreaterThan(0);
  expect(await tokensOf("eval-again")).toEqual([first, first]);
});

it.each([
  [["--shard", "1/1", "--limit", "2"], "draws a sample of all files"],
  [["human", "--shard", "1/1"], "does not name its benchmark"],
  [["--shard", "1/1", "--json"], "which --check makes"],
])("refuses %j in one sentence", async (more, reason) => {
  const { code, stderr } = await run([...task, ...tiny, ...more]);
  expect(stderr).toContain(reason);
  expect(code).toBe(2);
});

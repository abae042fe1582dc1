/** --min-score, --top and --best: what the end says, and tables. */
import { expect, it } from "vitest";
import { file, jsonLines, run, tiny } from "./run-cli.ts";

const capitals = [
  ["France", "Lyon."],
  ["France", "Paris."],
  ["Italy", "Rome."],
  ["Italy", "Naples."],
  ["Italy", "Milan."],
];
const pairs = file(
  "pairs.jsonl",
  jsonLines(capitals.map(([country, response]) => ({ prompt: `Capital of ${country}?`, response }))),
);
const several = file("several.jsonl", jsonLines([{ prompt: "p", responses: ["a", "b", "c"] }, { text: "x" }]));
const score = (input: string, ...args: string[]) => run(["score", ...tiny, "--input", input, ...args]);

it.each<[string, string[], RegExp]>([
  ["--min-score", ["--min-score=-1e9"], /: 5 rows, 5 kept, /],
  ["--min-score that nothing reaches", ["--min-score", "1e9"], /: 5 rows, none kept, /],
  ["--top", ["--top", "2"], /: 5 rows, 4 kept, /],
  ["--best", ["--best"], /: 5 rows, 2 kept, /],
  ["--best in cells", ["--best", "--format", "csv"], /: 5 rows, 2 kept, /],
  ["both", ["--best", "--min-score", "1e9"], /: 5 rows, none kept, /],
])("the end says how many rows %s kept", async (_, args, expected) => {
  const { code, stdout, stderr } = await score(pairs, ...args);
  expect([code, stderr]).toEqual([0, expect.stringMatching(expected)]);
  const [, count = "0"] = / (\d+) kept/.exec(stderr) ?? [];
  expect(stdout.split("\n").length - 1 - (args.includes("csv") ? 1 : 0)).toBe(Number(count));
});

it("says nothing of what is kept where everything is", async () => {
  expect((await score(pairs)).stderr).toMatch(/: 5 rows, \d+ tokens/);
});

it("counts a row of several responses once, in lines of one response, too", async () => {
  const { stdout, stderr } = await score(several, "--top", "2", "--format", "csv");
  expect(stdout.trimEnd().split("\n")).toHaveLength(3);
  // A text has no prompt, and fails.
  expect(stderr).toMatch(/: 2 rows, 1 kept, .*1 of 2 rows failed\n$/);
});

it("a table has the same rows as JSON lines", async () => {
  for (const args of [["--best"], ["--top", "2"], ["--min-score", "0.5"], ["--best", "--min-score", "1e9"]]) {
    const lines = await score(pairs, ...args);
    const table = await score(pairs, ...args, "--format", "table");
    expect([table.code, lines.code]).toEqual([0, 0]);
    const responses = (text: string) => text.match(/\b(?:Lyon|Paris|Rome|Naples|Milan)\./g) ?? [];
    expect(responses(table.stdout)).toEqual(responses(lines.stdout));
    expect(table.stdout).toMatch(/^ +# +score +tokens +text$/m);
  }
});

it("a table of the best shows the rewards of its tokens", async () => {
  const { code, stdout } = await score(pairs, "--best", "--per-token", "--format", "table");
  expect([code, stdout]).toEqual([0, expect.stringMatching(/ R -?\d\.\d\d {2}ome -?\d\.\d\d {2}/)]);
});

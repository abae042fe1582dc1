/** The command lines of the cookbook that name no checkpoint, as they are printed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folder, jsonLines, parseLines, repository, run } from "./run-cli.ts";

const text = readFileSync(join(repository, "docs", "cookbook.md"), "utf8");
const commands = [...text.matchAll(/^starling-rm (?:score|rank) --model tiny [^|\n]*/gm)].map(([line]) => line.trim());

const answers = Array.from({ length: 12 }, (_, i) => ({
  id: i,
  prompt: `Question ${i % 3}?`,
  response: `answer ${i}`,
}));
const files = {
  "answers.jsonl": jsonLines(answers),
  "answers.csv": [
    "id,prompt,response",
    ...answers.map(({ id, prompt, response }) => `${id},${prompt},${response}`),
    "",
  ].join("\n"),
  "candidates.jsonl": jsonLines([{ prompt: "Name a prime.", responses: ["8", "7"], id: "a" }]),
  "pairs.jsonl": jsonLines([{ prompt: "Name a prime.", responses: ["7", "8"] }]),
};
for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);

it("names several", () => {
  expect(commands.length).toBeGreaterThanOrEqual(6);
});

it.each(commands)("%s", async (line) => {
  const words = line.split(" ").slice(1);
  const local = words.map((word) => (/\.(?:jsonl|csv|parquet|gz)$/.test(word) ? join(folder, word) : word));
  const { code, stderr } = await run([...local, ...(line.includes("--resume") ? [] : ["--force"])]);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/ rows?, .*none failed\n$/)]);
});

it("the best of each prompt is one row, with the fields of the input", async () => {
  const args = ["score", "--model", "tiny", "--input", join(folder, "answers.csv")];
  const all = parseLines((await run(args)).stdout);
  const best = parseLines((await run([...args, "--best"])).stdout);
  expect(best.map(({ prompt }) => prompt).sort()).toEqual(["Question 0?", "Question 1?", "Question 2?"]);
  for (const row of best) {
    const scores = all.filter(({ prompt }) => prompt === row["prompt"]).map(({ score }) => score as number);
    expect(row["score"]).toBe(Math.max(...scores));
    expect(row).toEqual(all[row["index"] as number]);
  }
});

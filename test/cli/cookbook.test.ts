/** What the recipes of the cookbook come to; documented-commands.test.ts runs its command lines, cookbook-programs.test.ts its programs. */
import { expect, it } from "vitest";
import { file, parseLines, run } from "./run-cli.ts";

const answers = Array.from({ length: 12 }, (_, i) => ({
  id: i,
  prompt: `Question ${i % 3}?`,
  response: `answer ${i}`,
}));
const csv = file(
  "answers.csv",
  ["id,prompt,response", ...answers.map(({ id, prompt, response }) => `${id},${prompt},${response}`), ""].join("\n"),
);

it("the best of each prompt is one row, with the fields of the input", async () => {
  const args = ["score", "--model", "tiny", "--input", csv];
  const all = parseLines((await run(args)).stdout);
  const best = parseLines((await run([...args, "--best"])).stdout);
  expect(best.map(({ prompt }) => prompt).sort()).toEqual(["Question 0?", "Question 1?", "Question 2?"]);
  for (const row of best) {
    const scores = all.filter(({ prompt }) => prompt === row["prompt"]).map(({ score }) => score as number);
    expect(row["score"]).toBe(Math.max(...scores));
    expect(row).toEqual(all[row["index"] as number]);
  }
});

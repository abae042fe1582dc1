/** What the recipes of the cookbook come to; documented-commands.test.ts runs its command lines, cookbook-programs.test.ts its programs. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, repository, run } from "./run-cli.ts";

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

it.skipIf(spawnSync("jq", ["--version"]).error !== undefined)(
  "preferences of transcripts become messages",
  async () => {
    const page = readFileSync(join(repository, "docs", "cookbook.md"), "utf8");
    const [, command = ""] = /(jq -c 'def turns.*?)\nstarling-rm/s.exec(page) ?? [];
    const first = "\n\nHuman: Hi\n\nthere, Human: you\n\nAssistant: Hello\n\nHuman: Say b\n\nAssistant: ";
    file("hh.jsonl", jsonLines([{ chosen: `${first}b`, rejected: `${first}c` }]));
    execFileSync("sh", ["-c", command], { cwd: folder });
    const messages = join(folder, "pairs-of-messages.jsonl");
    expect(parseLines(readFileSync(messages, "utf8"))).toEqual([
      expect.objectContaining({
        chosen: [
          { role: "user", content: "Hi\n\nthere, Human: you" },
          { role: "assistant", content: "Hello" },
          { role: "user", content: "Say b" },
          { role: "assistant", content: "b" },
        ],
      }),
    ]);
    const { stdout, code } = await run(["eval", "pairs", "--model", "tiny", "--input", messages]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/pairs +1 /);
    const scored = await run(["score", "--model", "tiny", "--input", messages, "--field", "messages=rejected"]);
    expect(parseLines(scored.stdout)).toMatchObject([{ score: expect.any(Number) }]);
  },
);

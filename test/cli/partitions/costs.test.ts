/** Of a cost model the lowest score is the best, also over a folder. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { writeHead } from "../../../src/entry/fit.ts";
import { embeddedModelPath } from "../../../src/index.ts";
import { readModelFile } from "../../../src/scoring/model-file.ts";
import { folder, jsonLines, parseLines, run, tiny } from "../run-cli.ts";

const input = join(folder, "costs");
const head = join(folder, "cost-head.gguf");
const responses = ["A bird.", "No.", "I am a starling.", "Paris."];

beforeAll(async () => {
  const model = await embeddedModelPath();
  const { shape } = await readModelFile(model);
  const weight = Float32Array.from({ length: shape.embeddingLength }, (_, i) => Math.sin(i + 0.1));
  await writeHead({ modelPath: model, output: head, head: { weight, direction: "lower" } });
  mkdirSync(input);
  for (const name of ["a", "b"])
    writeFileSync(join(input, `${name}.jsonl`), jsonLines([{ prompt: `${name}?`, responses }]));
});

it.each([["rank"], ["score", "--best"], ["score", "--top", "2"]])(
  "%s writes what a run on the file writes",
  async (...args) => {
    const output = join(folder, `costs-${args.join("")}`);
    const ran = await run([...args, ...tiny, "--head", head, "--input", input, "--output", `${output}/`]);
    expect(ran.stderr).toContain("2 partitions, 2 written");
    const alone = await run([...args, ...tiny, "--head", head, "--input", join(input, "a.jsonl")]);
    expect(readFileSync(join(output, "a.jsonl"), "utf8")).toBe(alone.stdout);
    expect(parseLines(alone.stdout).length).toBeGreaterThan(0);
  },
);

it("refuses --min-score once", async () => {
  const task = ["--head", head, "--min-score", "0", "--input", input, "--output", join(folder, "costs-least/")];
  const { code, stderr } = await run(["score", ...tiny, ...task]);
  expect(stderr.match(/are costs\. Use --max-score/g)).toHaveLength(1);
  expect(stderr).not.toContain("failed");
  expect(code).toBe(2);
});

/** `compare` of what `eval --output` has written. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { file, folder, jsonLines, run, tiny } from "./run-cli.ts";

const pairs = (question: string) =>
  Array.from({ length: 24 }, (_, i) => ({
    prompt: `${question} ${i}?`,
    chosen: `Answer ${i} because it is so.`,
    rejected: `No ${i * i}.`,
  }));
const at = (name: string) => join(folder, `reports-${name}`);
const head = at("head.gguf");

beforeAll(async () => {
  const input = file("reports.jsonl", jsonLines(pairs("Question")));
  const other = file("reports-other.jsonl", jsonLines(pairs("Riddle")));
  expect((await run(["fit", ...tiny, "--input", input, "--ridge", "1", "-o", head, "--quiet"])).code).toBe(0);
  const evaluate = (name: string, model: readonly string[], data: string, ...more: string[]) =>
    run(["eval", "pairs", ...model, "--input", data, "--output", at(name), ...more]);
  await evaluate("a", tiny, input);
  await evaluate("b", ["--model", head, "--threads", "1"], input);
  await evaluate("half", tiny, input, "--limit", "10");
  await evaluate("other", tiny, other);
}, 120_000);

interface Comparison {
  readonly benchmarks: readonly { readonly common: number; readonly cases: readonly number[] }[];
}

it("puts the cases of both side by side, and their difference is that of the accuracies", async () => {
  const { code, stdout, stderr } = await run(["compare", at("a"), join(at("b"), "report.json"), "-o", at("two")]);
  expect(stderr).toContain("comparison written");
  expect(code).toBe(0);
  const [a, b] = ["a", "b"].map((name) => JSON.parse(readFileSync(join(at(name), "report.json"), "utf8")));
  const difference = b.benchmarks[0].accuracy - a.benchmarks[0].accuracy;
  expect(difference).toBeGreaterThan(0);
  expect(stdout).toContain(`+${difference.toFixed(3)}`);
  expect(stdout).toMatch(/common cases\s+24/);
  expect(existsSync(join(at("two"), "comparison.html"))).toBe(true);
});

it("compares three on the cases that all have, and says how many", async () => {
  const { code, stdout, stderr } = await run(["compare", at("a"), at("b"), at("half"), "-o", at("three")]);
  expect(stdout).toMatch(/common cases\s+10/);
  expect(stderr).toMatch(/10 cases are in all reports \(of 24, 24, 10\)/);
  expect(stderr).toMatch(/differ in limit/);
  expect(code).toBe(0);
  const json = JSON.parse(readFileSync(join(at("three"), "comparison.json"), "utf8")) as Comparison;
  expect(json.benchmarks[0]).toMatchObject({ common: 10, cases: [24, 24, 10] });
});

it.each([
  ["other data", ["a", "other"], "no case of pairs is in all reports"],
  ["what is no report", ["a", "nowhere"], "compare models, or reports"],
])("refuses %s in one sentence", async (_, names, reason) => {
  const { code, stdout, stderr } = await run(["compare", ...names.map(at)]);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toContain(reason);
});

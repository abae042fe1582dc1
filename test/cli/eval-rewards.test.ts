/** RM-Bench, PPE, models that wrote the responses, best-of-n and paraphrases from the shell, against scoring and counting by hand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataset } from "../datasets.ts";
import { file, folder, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

const evaluate = (...args: string[]) => run(["eval", ...args, ...tiny, "--no-cache"]);

async function scoresOf(rows: readonly { prompt: string; responses: readonly string[] }[]): Promise<number[][]> {
  const { stdout } = await run(["score", ...tiny, "--input", file("scored.jsonl", jsonLines(rows))]);
  return (parseLines(stdout) as { scores: number[] }[]).map(({ scores }) => scores);
}

interface RmBenchRow {
  readonly prompt: string;
  readonly chosen: readonly string[];
  readonly rejected: readonly string[];
  readonly domain: string;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("eval", () => {
  it("rmbench has the numbers of its rows' scores", async () => {
    const path = dataset("rmbench.json");
    const out = join(folder, "rmbench-report");
    const { code, stdout } = await evaluate("rmbench", "--input", path, "--json", "--output", out);
    expect(code).toBe(0);
    const { officialScore } = JSON.parse(stdout).benchmarks[0];
    const rows = JSON.parse(readFileSync(path, "utf8")) as RmBenchRow[];
    const scores = await scoresOf(
      rows.map(({ prompt, chosen, rejected }) => ({ prompt, responses: [...chosen, ...rejected] })),
    );
    const domains = ["chat", "math", "code", "safety"].map((domain) => {
      const own = scores.filter((_, i) => rows[i]?.domain.startsWith(domain));
      const cell = (right: number, wrong: number) =>
        mean(own.map((row) => ((row[right] as number) > (row[3 + wrong] as number) ? 1 : 0)));
      const hard = mean([cell(0, 1), cell(0, 2), cell(1, 2)]);
      const normal = mean([cell(0, 0), cell(1, 1), cell(2, 2)]);
      const easy = mean([cell(1, 0), cell(2, 0), cell(2, 1)]);
      return { hard, normal, easy, score: mean([hard, normal, easy]) };
    });
    for (const name of ["hard", "normal", "easy", "score"] as const)
      expect(officialScore[name]).toBeCloseTo(mean(domains.map((domain) => domain[name])), 12);
    const page = readFileSync(join(out, "report.html"), "utf8");
    const estimate = (score: number, { low, high }: { low: number; high: number }, space: string) =>
      `${score.toFixed(3)} (${low.toFixed(3)} to${space}${high.toFixed(3)})`;
    const { score, interval, easy, easyInterval, normal, normalInterval } = officialScore;
    expect(interval.low).toBeLessThan(score);
    expect(page).toContain(`RM-Bench score: ${estimate(score, interval, "\u00a0")}`);
    const text = (await evaluate("rmbench", "--input", path)).stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain(`Official score ${estimate(score, interval, " ")}`);
    expect(text).toContain(
      `Easy ${estimate(easy, easyInterval, " ")}, normal ${estimate(normal, normalInterval, " ")}`,
    );
    expect((await evaluate("rmbench")).stderr).toContain("give --input hf:THU-KEG/RM-Bench");
  });

  it("ppe reads correctness and people's preferences in their own columns", async () => {
    const path = dataset("ppe.jsonl");
    const out = join(folder, "ppe-report");
    const { code, stdout } = await evaluate("ppe", "--input", path, "--json", "--output", out);
    expect(code).toBe(0);
    const [{ officialScore, rows: counts, strengths }] = JSON.parse(stdout).benchmarks;
    expect(counts).toMatchObject({ read: 9, omitted: { "all right": 1, tie: 1 }, broken: 0 });
    const [row] = parseLines(readFileSync(path, "utf8")) as [Record<string, unknown>];
    const [own] = await scoresOf([
      { prompt: row["prompt"] as string, responses: [1, 2, 3, 4].map((i) => row[`response_${i}`] as string) },
    ]);
    const [a, b, c, d] = own as [number, number, number, number];
    const math = officialScore.correctness.find((one: { benchmark: string }) => one.benchmark === "math");
    expect(math.accuracy).toBeCloseTo(mean([a > b ? 1 : 0, c > d ? 1 : 0, a > b ? 1 : 0]), 12);
    expect(math.endScore).toBe(Math.max(a, c) > Math.max(b, d) ? 1 : 0);
    expect(officialScore.human).toMatchObject({ cases: 4, models: { models: 3 } });
    expect(strengths.models.map(({ model }: { model: string }) => model).sort()).toEqual([
      "gemma-2-9b",
      "gpt-4o",
      "llama-3-8b",
    ]);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Best of K: math");
  });

  it("pairs compares models and paraphrases by fields that are named", async () => {
    const rows = [
      {
        prompt: "What is the capital of France?",
        chosen: "Paris",
        rejected: "London",
        topic: 1,
        by: { m: ["gpt", "llama"] },
      },
      {
        prompt: "Which city is France's capital?",
        chosen: "Paris",
        rejected: "London",
        topic: 1,
        by: { m: ["gpt", "llama"] },
      },
      { prompt: "Name a prime.", chosen: "Seven", rejected: "Eight", topic: 2, by: { m: ["llama", "gpt"] } },
      { prompt: "Tell me a prime number.", chosen: "Seven", rejected: "Eight", topic: 2, by: { m: ["llama", "qwen"] } },
    ];
    const input = file("paraphrases.jsonl", jsonLines(rows));
    const args = ["pairs", "--input", input, "--paraphrases", "topic", "--model-field", "by.m"];
    const { code, stdout } = await evaluate(...args, "--json");
    expect(code).toBe(0);
    const [{ consistency, strengths, prompts }] = JSON.parse(stdout).benchmarks;
    const scores = await scoresOf(
      rows.map(({ prompt, chosen, rejected }) => ({ prompt, responses: [chosen, rejected] })),
    );
    const signs = scores.map(([right, wrong]) => Math.sign((right as number) - (wrong as number)));
    expect(prompts).toBe(2);
    expect(consistency).toMatchObject({
      ...{ prompts: 2, cases: 4, comparisons: 2, pairs: 2 },
      consistency: mean([signs[0] === signs[1] ? 1 : 0, signs[2] === signs[3] ? 1 : 0]),
    });
    const gpt = strengths.models.find(({ model }: { model: string }) => model === "gpt");
    const wins = [signs[0], signs[1], -(signs[2] as number)].map((sign) => ((sign as number) + 1) / 2);
    expect(gpt).toMatchObject({ battles: 3, byLabels: { winRate: expect.closeTo(2 / 3, 12) } });
    expect(gpt.byScores.winRate).toBeCloseTo(mean(wins), 12);
    for (const [field, name] of [
      ["--paraphrases", "topik"],
      ["--model-field", "who"],
    ] as const) {
      const wrong = await evaluate("pairs", "--input", input, field, name);
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toContain(`from "${name}": no row has such a field`);
    }
    for (const [field, name] of [
      ["--paraphrases", "topic"],
      ["--model-field", "by.m"],
    ] as const) {
      const parted = await evaluate("pairs", "--input", input, field, name, "--partitions", "--output", folder);
      expect(parted.code).toBe(2);
      expect(parted.stderr).toContain(`${field} needs all rows in one run`);
    }
    const uneven = await evaluate("pairs", "--input", input, "--model-field", "topic");
    expect(uneven.stderr).toContain("Expected 2 models in topic, one for each response");
  });
});

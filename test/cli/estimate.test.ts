import { describe, expect, it } from "vitest";
import { file, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

const rows = [
  ...Array.from({ length: 12 }, (_, i) => ({
    prompt: `What do you know about the number ${i >> 2}, and why?`,
    response: "one two three ".repeat(1 + i),
  })),
  { prompt: "List two.", responses: ["a", "b and c"] },
  { text: "word ".repeat(5000) },
  { prompt: "no response" },
];
const input = file("estimated.jsonl", `${jsonLines(rows)}not a row\n`);

interface Report {
  readonly rows: { total: number; scored: number; failed: number };
  readonly texts: number;
  readonly tokens: { total: number; computed: number; perText: { min: number; max: number; median: number } };
  readonly truncated: { rows: number; texts: number; tokensLost: number };
  readonly failures: { code: string; rows: number; where: string }[];
  readonly rate: { source: string; tokensPerSecond: number; repetitions?: { seconds: number; tokens: number }[] };
  readonly hours: number;
  readonly deadline: { hours: number; machines: number };
  readonly cost: { total: number; perMillionRows: number };
}

async function estimated(...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await run(["estimate", ...tiny, "--input", input, "--json", ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

describe("estimate", () => {
  it("counts what score and tokenize count, and divides by the rate", async () => {
    const [report, scored, tokenized] = await Promise.all([
      estimated("--rate", "100", "--deadline", "10s", "--price-per-hour", "36"),
      run(["score", ...tiny, "--input", input]),
      run(["tokenize", "--model", "tiny", "--input", input]),
    ]);
    const results = parseLines(scored.stdout) as { tokenCount?: number | number[]; error?: { code: string } }[];
    const counts = results.flatMap(({ tokenCount = [] }) => tokenCount);
    const sum = counts.reduce((all, count) => all + count, 0);
    const ids = parseLines(tokenized.stdout) as unknown as (number[] | number[][] | { error: object })[];
    const lists = ids
      .filter(Array.isArray)
      .flatMap((list) => (Array.isArray(list[0]) ? (list as number[][]) : [list as number[]]));
    expect(lists.reduce((all, list) => all + list.length, 0)).toBe(sum);
    expect(report.tokens.total).toBe(sum);
    expect(report.texts).toBe(counts.length);
    expect(report.tokens.perText).toMatchObject({ min: Math.min(...counts), max: Math.max(...counts) });
    expect(report.rows).toEqual({ total: 16, scored: 14, failed: 2 });
    expect(report.failures.map(({ rows: own, where }) => [own, where])).toEqual([
      [1, "line 15"],
      [1, "line 16"],
    ]);
    expect(report.truncated).toMatchObject({ rows: 1, texts: 1 });
    expect(report.truncated.tokensLost).toBeGreaterThan(2000);
    expect(report.tokens.computed).toBeLessThan(sum);
    expect(report.hours).toBeCloseTo(report.tokens.computed / 100 / 3600, 12);
    expect(report.deadline.machines).toBe(Math.ceil(report.tokens.computed / 100 / 10));
    expect(report.cost.total).toBeCloseTo(report.tokens.computed / 100 / 100, 9);
    expect(report.cost.perMillionRows).toBeCloseTo((report.cost.total / 16) * 1e6, 6);
    const apart = await estimated("--rate", "1", "--no-prefix-sharing");
    expect(apart.tokens.computed).toBe(sum);
  });

  it("measures this machine where no rate is given", async () => {
    const { rate, hours, tokens } = await estimated();
    expect(rate.source).toBe("measured");
    expect(rate.repetitions?.length).toBeGreaterThan(1);
    for (const { seconds, tokens: own } of rate.repetitions ?? []) expect([seconds > 0, own > 0]).toEqual([true, true]);
    expect(hours).toBeCloseTo(tokens.computed / rate.tokensPerSecond / 3600, 12);
  });

  it("prints what a person wants to know", async () => {
    const { stdout, stderr } = await run([
      "estimate",
      ...tiny,
      "-i",
      input,
      "--rate",
      "50",
      "--sample",
      "5",
      "--deadline",
      "1d",
    ]);
    expect(stdout).toMatch(/^rows +16, about \d+ of them fail/m);
    expect(stdout).toMatch(/^sample +5 rows in 5 blocks/m);
    expect(stdout).toMatch(/^tokens per text min \d+, median \d+/m);
    expect(stdout).toMatch(/^ +\d+ to +\d+ {2}#+ \d+$/m);
    expect(stdout).toMatch(/^rate +50.0 tokens\/s, as given$/m);
    expect(stdout).toMatch(/^deadline +1 machine for 24.0 h/m);
    expect(stderr).toContain("blocks of the sample");
  });

  it("says that there is nothing to estimate", async () => {
    const { code, stdout, stderr } = await run(["estimate", ...tiny, "-i", "-", "--json"], "");
    expect([code, JSON.parse(stdout).rows]).toEqual([0, { total: 0, scored: 0, failed: 0 }]);
    expect(stderr).toContain("has no rows");
  });

  it.each([
    [["--machine", "M9"], 'No rate of the machine "M9" is known, only of M1'],
    [["--machine", "M3 Max"], "3.5 million weights"],
    [["--machine", "M3 Max", "--rate", "1"], "not both"],
    [["--rate", "0"], "above 0"],
    [["--deadline", "12"], "with its unit"],
    [["--sample", "0"], "--sample"],
    [["--model", "missing.gguf", "--rate", "1"], "missing.gguf"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await run(["estimate", "--model", "tiny", "--input", input, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

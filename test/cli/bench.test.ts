/** The bench's programs: they import much of the library, and nothing else would tell that a name is gone. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { peakTable, ratioTables, resultTable, skippedLines } from "../../bench/report.mjs";
import { workloads } from "../../bench/workloads.mjs";

const run = promisify(execFile);
const bench = join(import.meta.dirname, "..", "..", "bench");

it.each(["run.mjs", "experiments.mjs", "server.mjs", "conversion.mjs"])("%s starts", async (program) => {
  const { stdout } = await run(process.execPath, [join(bench, program), "--help"]);
  expect(stdout).toMatch(/Usage|usage/);
});

it.each([
  [["--workload", "8x255"], 'Unknown workload "8x255".'],
  [["--model", "3.5m,7b"], 'for --model but received "7b"'],
  [["--type", "q4_k_m,q3_k"], 'for --type but received "q3_k"'],
  [["--repetitions", "0"], 'for --repetitions but received "0"'],
])("refuses %s", async (args, message) => {
  await expect(run(process.execPath, [join(bench, "run.mjs"), ...args])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(message),
  });
});

describe("workloads", () => {
  const VOCABULARY = 32_000;
  /** Tokens of each text: every one has two characters. */
  const lengths = (name: string, turn: number): number[] => {
    const [workload] = workloads.filter((one) => one.name === name);
    const items = workload?.items(VOCABULARY, turn) ?? [];
    return (items as { text: string }[]).map(({ text }) => text.length / 2);
  };

  it.each([
    ["1x64", [64]],
    ["1x2048", [2048]],
    ["8x256", Array(8).fill(256)],
    ["200+7x60", Array(7).fill(260)],
    ["1000+7x100", Array(7).fill(1100)],
  ])("%s has texts of these lengths", (name, expected) => {
    expect(lengths(name, 1)).toEqual(expected);
  });

  it("nectar-like has the same lengths in every turn, within its bounds", () => {
    const first = lengths("nectar-like", 1);
    expect(lengths("nectar-like", 2)).toEqual(first);
    expect(first).toHaveLength(28);
    expect(Math.min(...first)).toBeGreaterThanOrEqual(20 + 30);
    expect(Math.max(...first)).toBeLessThanOrEqual(600 + 500);
  });
});

describe("the report", () => {
  const name = "starling-rm, packed, kernels off";
  const large = { median: 98765.4, mad: 12345.6, min: 98765.4, max: 98765.4, count: 5 };
  const ratio = { median: 123.456, mad: 12.345, min: 123.456, max: 123.456, count: 5 };

  it.each([
    [
      "rates",
      resultTable([
        {
          ...{ name, tokensPerSecond: large, tokensPerCpuSecond: large, peakBytes: 99_999 * 1024 ** 2 },
          roofline: { operationsPerSecond: 12_345e9, ofPeak: 1 },
        },
      ]),
    ],
    ["ratios", ratioTables([{ subject: name, reference: name, ratio, cpuRatio: ratio, atLeast: 123.45 }])],
    [
      "skipped contenders",
      skippedLines(Array(9).fill({ name, reason: "a reason with many words ".repeat(9) })).join("\n"),
    ],
    [
      "the GEMM peak",
      peakTable({
        ...{ threads: 128, tokens: 512, columns: 2048, rows: 5632 },
        products: [{ name, rate: { ...large, median: 98765e9, max: 98765e9 } }],
        best: { name, rate: large },
      }),
    ],
  ])("shows %s in 100 columns", (_what, text) => {
    expect(Math.max(...text.split("\n").map((line: string) => line.length))).toBeLessThanOrEqual(100);
  });
});

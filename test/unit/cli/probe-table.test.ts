/** What people read of a probe's report. */
import { expect, it } from "vitest";
import { probeTable } from "../../../cli/probe-table.ts";
import type { ProbeReport } from "../../../src/entry/eval.ts";

const between = (low: number, high: number) => ({ method: "clustered-mean" as const, level: 0.95, low, high });
const share = (count: number, of: number) => ({ count, share: count / of });
const flips = (count: number) => ({
  ...{ pairs: 40, toWrong: count, toRight: 0, rightBefore: 30, rightAfter: 30 - count },
  flipped: share(count, 40),
});

type Measures = ProbeReport["probes"][number];

function measures(probe: string, expected: Measures["expected"], low: number, high: number): Measures {
  const shift = { mean: (low + high) / 2, interval: between(low, high), median: 0.25 };
  return {
    ...{ probe, expected, responses: 80, measured: 76, prompts: 40, truncated: 3, failed: 0 },
    skipped: { "the response is empty": 1 },
    ...{ shift, standardized: shift, up: share(57, 76), down: share(19, 76), same: share(0, 76) },
    pairs: { rejected: flips(4), chosen: flips(2), both: flips(0) },
  };
}

const report = {
  model: { name: "rm" },
  rows: { read: 41, omitted: { tie: 1 }, broken: 0, cases: 40, sampled: 40, failed: 0 },
  prompts: 40,
  scores: { count: 80, mean: 0, standardDeviation: 2 },
  probes: [
    measures("flattery", "stay", 0.5, 1.5),
    measures("emoji", "stay", -0.1, 0.3),
    measures("cut", "fall", -3, -1),
    measures("swap", "fall", -0.2, 0.1),
    { probe: "plain", expected: "stay", responses: 80, measured: 0, prompts: 0, truncated: 0, failed: 0, skipped: {} },
  ],
} as unknown as ProbeReport;

it("marks what should not be, and tells what was left out", () => {
  const lines = probeTable(report, 200).split("\n");
  expect(lines[0]).toBe("The texts as they are: 80 scores of 40 prompts, standard deviation 2.000.");
  const cells = lines.slice(3, 8).map((line) => line.split(/ {2,}/));
  expect(cells[0]).toEqual([
    ...["flattery", "stay", "76", "+1.000*", "+0.500 to +1.500", "+1.000", "10.0 %", "5.0 %", "0.0 %"],
    ...["+0.250", "75.0 %", "25.0 %"],
  ]);
  expect(cells.map(([, , , mean]) => mean)).toEqual(["+1.000*", "+0.100", "-2.000", "-0.050*", "-"]);
  expect(lines.join("\n")).toContain("flattery, left out of 80 responses: 1: the response is empty; 3: truncated");
  expect(lines.join("\n")).toContain("1 of 41 rows skipped (tie 1).");
});

it("has everything on a narrow terminal", () => {
  const text = probeTable(report, 80);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  for (const name of ["flips: rejected", "chosen", "both", "median", "up", "down"]) expect(text).toContain(name);
});

import { describe, expect, it } from "vitest";
import { cut, drawBlocks, drawSpeeds, idealSeconds, simulate } from "../../../bench/worker-simulation.mjs";

const calm = { overhead: 0, meanTimeToFailure: Number.POSITIVE_INFINITY, restart: 0 };
const policies = ["static", "stealing"] as const;

describe("the simulation of workers", () => {
  it.each(policies)("is ideal with equal workers and parts (%s)", (policy) => {
    const [partitions, speeds] = [new Array(12).fill(100), new Array(4).fill(10)];
    expect(simulate(partitions, speeds, { ...calm, policy }, 1)).toEqual({ makespan: 30, lost: 0, failures: 0 });
    expect(simulate(partitions, speeds, { ...calm, policy, overhead: 2 }, 1).makespan).toBe(36);
    expect(idealSeconds(partitions, speeds)).toBe(30);
  });

  it("waits for the slow worker's share, or leaves it less", () => {
    const [partitions, speeds] = [new Array(10).fill(10), [10, 10 / 4]];
    expect(simulate(partitions, speeds, { ...calm, policy: "static" }, 1).makespan).toBe(20);
    // The slow one takes the 2nd and, at 4 s, the 7th; the fast one is done at 8 s.
    expect(simulate(partitions, speeds, { ...calm, policy: "stealing" }, 1).makespan).toBe(8);
  });

  it("gives a lost partition to a worker that was idle already", () => {
    const rules = { ...calm, policy: "stealing" as const, meanTimeToFailure: 1, restart: 1000 };
    // Twenty workers, one partition of a second: the next idle one takes it up, long before the first is back.
    const { makespan, failures } = simulate([10], new Array(20).fill(10), rules, 8);
    expect(failures).toBeGreaterThan(0);
    expect(makespan).toBeLessThan(1000);
  });

  it.each(policies)("computes all that was lost once more, and is the same for one seed (%s)", (policy) => {
    const blocks = drawBlocks(
      { blocks: 400, rowsPerBlock: 5, median: 100, rowSpread: 0.7, blockSpread: 0.3, limit: 500 },
      5,
    );
    const speeds = drawSpeeds({ workers: 8, rate: 50, spread: 0.2, stragglers: 1, slowdown: 4 }, 5);
    const partitions = cut(blocks, 40);
    expect(partitions.reduce((a, b) => a + b)).toBeCloseTo(
      blocks.reduce((a, b) => a + b),
      6,
    );
    const rules = { overhead: 0.1, meanTimeToFailure: 300, restart: 10, policy };
    const once = simulate(partitions, speeds, rules, 9);
    expect(simulate(partitions, speeds, rules, 9)).toEqual(once);
    expect(once.failures).toBeGreaterThan(0);
    expect(once.lost).toBeGreaterThan(0);
    const calmly = simulate(partitions, speeds, { ...rules, meanTimeToFailure: Number.POSITIVE_INFINITY }, 9);
    expect(calmly.makespan).toBeGreaterThanOrEqual(idealSeconds(partitions, speeds));
    expect(once.makespan).toBeGreaterThan(idealSeconds(partitions, speeds));
  });
});

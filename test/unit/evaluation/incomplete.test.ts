/** Rows that failed: how many, why, and that the numbers are of the others. */
import { describe, expect, it } from "vitest";
import { incompleteOf, incompleteOfAll } from "../../../src/evaluation/incomplete.ts";
import { ProblemKinds } from "../../../src/evaluation/problem-kinds.ts";

const rows = { read: 400, omitted: {}, broken: 0, cases: 400, sampled: 400, failed: 0, problems: {} };

describe("what numbers are of", () => {
  it.each([
    ["nothing failed", {}, undefined],
    ["only ties were skipped", { omitted: { tie: 5 }, cases: 395, sampled: 395 }, undefined],
    ["invalid rows", { broken: 280, cases: 120, sampled: 120 }, "of 120 of 400 rows; 280 failed"],
    ["both", { broken: 1, cases: 399, sampled: 399, failed: 2 }, "of 397 of 400 rows; 3 failed"],
    [
      "skipped ones too",
      { omitted: { tie: 20 }, broken: 280, cases: 100, sampled: 100 },
      "of 100 of 400 rows; 280 failed, 20 skipped",
    ],
    [
      "a sample",
      { broken: 280, cases: 120, sampled: 50, failed: 1 },
      "of 49 of 50 sampled cases; 280 of 400 rows failed; 1 case failed",
    ],
    ["several cases a row", { broken: 1, cases: 900, sampled: 900 }, "of 900 cases; 1 of 400 rows failed"],
    ["no case", { read: 1, broken: 1, cases: 0, sampled: 0 }, "1 of 1 row failed"],
    [
      "only ties and failures",
      { omitted: { tie: 2 }, broken: 398, cases: 0, sampled: 0 },
      "398 of 400 rows failed, 2 skipped",
    ],
  ])("is said: %s", (_, change, sentence) => {
    expect(incompleteOf({ ...rows, ...change }).incomplete?.sentence).toBe(sentence);
  });

  it("is said of several benchmarks", () => {
    const whole = { benchmark: "human", cases: 10 };
    const part = {
      benchmark: "pairs",
      cases: 120,
      ...incompleteOf({ ...rows, broken: 280, cases: 120, sampled: 120 }),
    };
    expect(incompleteOfAll([whole])).toEqual({});
    expect(incompleteOfAll([part])).toEqual({ incomplete: part.incomplete });
    expect(incompleteOfAll([whole, part])).toEqual({
      incomplete: { measured: 130, failed: 280, sentence: "of 130 cases; 280 failed in pairs" },
    });
  });
});

it("counts problems by kind, named by the first, and adds up counts of parts", () => {
  const kinds = new ProblemKinds();
  kinds.add("chosen has 3");
  for (const text of ["a", "b"]) kinds.add(`Expected a string for x but received "${text}".`);
  expect(Object.entries(kinds.counts())).toEqual([
    ['Expected a string for x but received "a".', 2],
    ["chosen has 3", 1],
  ]);
  const all = new ProblemKinds();
  for (const part of [kinds.counts(), { "chosen has 7": 5 }])
    for (const [message, count] of Object.entries(part)) all.add(message, count);
  expect(all.counts()).toEqual({ "chosen has 3": 6, 'Expected a string for x but received "a".': 2 });
});

it("has one kind for problems beyond the first kinds", () => {
  const kinds = new ProblemKinds();
  for (let i = 0; i < 40; i++) kinds.add(`problem ${String.fromCodePoint(97 + (i % 26)).repeat(i + 1)}`);
  const counts = kinds.counts();
  expect(Object.keys(counts)).toHaveLength(21);
  expect(counts["other problems"]).toBe(20);
});

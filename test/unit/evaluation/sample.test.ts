import { expect, test } from "vitest";
import { sampleCases } from "../../../src/evaluation/sample.ts";

async function* placed(rows: number, source = 0) {
  for (let row = 1; row <= rows; row++) yield { source, row };
}

const byRow = ({ source, row }: { source: number; row: number }) => `${source}/${row}`;

async function* both() {
  yield* placed(40, 0);
  yield* placed(60, 1);
}

test("a sample larger than what there is takes everything, in order", async () => {
  const sample = await sampleCases(both(), 1000, 7, byRow);
  expect(sample).toHaveLength(100);
  expect(sample.slice(38, 42)).toEqual([
    { source: 0, row: 39 },
    { source: 0, row: 40 },
    { source: 1, row: 1 },
    { source: 1, row: 2 },
  ]);
});

test("the same seed draws the same cases, another one others, all of them different and in order", async () => {
  const draw = (seed: number) => sampleCases(placed(5000), 300, seed, byRow);
  const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
  expect(first).toEqual(again);
  expect(first).toHaveLength(300);
  const rows = first.map(({ row }) => row);
  expect(new Set(rows).size).toBe(300);
  expect(rows).toEqual([...rows].sort((a, b) => a - b));
  const shared = other.filter(({ row }) => rows.includes(row)).length;
  // 18 are expected, with a standard deviation of 4.
  expect(shared).toBeLessThan(60);
});

test("every part of the input has the same chance", async () => {
  const tenths: number[] = [];
  for (let seed = 0; seed < 60; seed++) {
    for (const { row } of await sampleCases(placed(1000), 50, seed, byRow)) tenths.push(Math.floor((row - 1) / 100));
  }
  // 300 are expected in each tenth; the standard deviation is 16.
  for (let tenth = 0; tenth < 10; tenth++)
    expect(Math.abs(tenths.filter((drawn) => drawn === tenth).length - 300)).toBeLessThan(80);
});

test("a case is in the sample or not whatever other cases there are, as long as their keys are higher", async () => {
  const some = await sampleCases(placed(1000), 1000, 3, byRow);
  const few = await sampleCases(placed(1000), 10, 3, byRow);
  const fewer = await sampleCases(placed(1000), 5, 3, byRow);
  expect(some).toEqual(expect.arrayContaining([...few]));
  expect(few).toEqual(expect.arrayContaining([...fewer]));
});

test("the limit counts prompts, and each brings all its cases, wherever they are", async () => {
  const promptOf = ({ row }: { row: number }) => `p${row % 97}`;
  const sample = await sampleCases(placed(5000), 10, 4, promptOf);
  const drawn = new Set(sample.map(promptOf));
  expect(drawn.size).toBe(10);
  const all: number[] = [];
  for await (const one of placed(5000)) if (drawn.has(promptOf(one))) all.push(one.row);
  expect(sample.map(({ row }) => row)).toEqual(all);
});

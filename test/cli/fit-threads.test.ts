/** The products of a large feature table in worker threads, which run the built script. */
import { describe, expect, it } from "vitest";
import { FeatureTable, type FitOptions, fitHead } from "../../src/entry/fit.ts";
import { FeatureProducts } from "../../src/evaluation/fit/feature-products.ts";
import type { FitCase } from "../../src/evaluation/fit/fit-data.ts";
import { TimeSlice } from "../../src/evaluation/fit/time-slice.ts";
import { dot } from "../../src/reward-head.ts";
import { randomOf } from "../random.ts";

const [ROWS, WIDTH] = [2200, 4096];
const random = randomOf(11);
const table = new FeatureTable(ROWS, WIDTH);
for (let row = 0; row < ROWS; row++) {
  const values = table.row(row);
  for (let k = 0; k < WIDTH; k++) values[k] = random(2001) / 1000 - 1;
}
const cases: FitCase[] = Array.from({ length: ROWS / 2 }, (_, i) => ({
  source: 0,
  row: i + 1,
  rows: [2 * i, 2 * i + 1],
  grades: [random(2), 2],
  comparisons: [{ better: 1, worse: 0 }],
  group: `prompt ${i}`,
}));
const data = { head: { weight: new Float32Array(WIDTH) }, features: table, cases };

describe("worker threads of a fit", () => {
  it.each([1, 2, 3])("%d: products are those of the rows, and skip the rows that are not listed", async (threads) => {
    const products = await FeatureProducts.open(table, { slice: new TimeSlice(), threads });
    try {
      expect(products.threads).toBe(threads === 1 ? 0 : threads);
      // Odd gaps, the last row, and a count that four does not divide.
      const rows = [...Array.from({ length: 700 }, (_, i) => 3 * i), ROWS - 2, ROWS - 1, ROWS - 1];
      const list = products.list(rows);
      const weights = Float64Array.from({ length: WIDTH }, (_, k) => Math.sin(k));
      const scores = await products.scores(list, weights);
      for (const row of rows) expect(scores[row]).toBe(dot(weights, table.row(row)));
      const slopes = Float64Array.from({ length: ROWS }, (_, row) => Math.cos(row));
      const gradient = new Float64Array(WIDTH);
      await products.gradient(list, slopes, gradient);
      for (const k of [0, 1, WIDTH - 1]) {
        const expected = [...new Set(rows)].reduce(
          (sum, row) => sum + (slopes[row] as number) * (table.row(row)[k] as number),
          0,
        );
        expect(Math.abs((gradient[k] as number) - expected)).toBeLessThan(1e-10);
      }
    } finally {
      products.close();
    }
  });

  it.each<[string, FitOptions]>([
    ["a given ridge", { ridge: 100 }],
    ["a chosen ridge", {}],
  ])("the head is the same bits with any number of threads: %s", async (_, more) => {
    const options = { ...more, heldOut: 0.1 };
    const [one, two, three] = [
      await fitHead(data, { ...options, threads: 1 }),
      await fitHead(data, { ...options, threads: 2 }),
      await fitHead(data, { ...options, threads: 3 }),
    ];
    expect(one.converged).toBe(true);
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });

  it("stop with the reason when the fit is aborted", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const onProgress = () => setTimeout(() => stop.abort(reason), 30);
    const fitting = fitHead(data, { ridge: 1e-6, threads: 2, signal: stop.signal, onProgress });
    await expect(fitting).rejects.toBe(reason);
  });
});

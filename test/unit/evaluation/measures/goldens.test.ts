/** Every measure against numpy and scipy (scripts/oracle/make_measures.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Interval } from "../../../../src/evaluation/measures/interval.ts";
import { type BenchmarkMeasures, measureBenchmark } from "../../../../src/evaluation/measures/measure.ts";
import { type Golden, scoredCase } from "./support.ts";

/** Both sides work in double precision, and add in different orders. */
const TOLERANCE = 1e-9;
/** Student's quantile is a series here: see distributions.ts. */
const INTERVAL_TOLERANCE = 1e-4;

const file = new URL("../../../fixtures/measures.json", import.meta.url);
// JSON has null where a response has no grade.
const { sets } = JSON.parse(readFileSync(file, "utf8"), (name, value) =>
  name === "grades" ? (value as unknown[]).map((grade) => grade ?? undefined) : value,
) as { sets: Golden[] };

interface ExpectedAccuracy {
  readonly accuracy: number;
  readonly pairAccuracy: number;
  readonly comparisons: number;
  readonly scoreTies: number;
  readonly interval: { readonly method: string; readonly ends: [number, number] };
}

type Ends = Record<"low" | "high", number>;

describe.each(sets)("$name", ({ benchmark, cases, expected }) => {
  const measures = measureBenchmark(benchmark, cases.map(scoredCase));

  it("has the reference's accuracies and intervals", () => {
    expectAccuracy(measures, expected as unknown as ExpectedAccuracy);
    const subsets = (expected["subsets"] ?? {}) as Record<string, ExpectedAccuracy>;
    expect((measures.subsets ?? []).map(({ subset }) => subset)).toEqual(Object.keys(subsets).sort());
    for (const own of measures.subsets ?? []) expectAccuracy(own, subsets[own.subset] as ExpectedAccuracy);
  });

  it("has the reference's ranking measures", () => {
    expectClose(measures.ranking, expected["ranking"], "ranking");
  });

  it("has the reference's margins", () => {
    const { counts, width, ...others } = expected["margins"] as { counts: Record<string, number>; width: number };
    const histogram = measures.margins?.histogram;
    expectClose({ ...measures.margins, zero: histogram?.zero }, others, "margins");
    expect(histogram?.width).toBeCloseTo(width, 12);
    const first = Math.round((histogram?.start ?? Number.NaN) / width);
    const counted = (histogram?.counts ?? []).map((count, i) => [String(first + i), count] as const);
    expect(Object.fromEntries(counted.filter(([, count]) => count > 0))).toEqual(counts);
  });

  it("has the reference's calibration", () => {
    const { bins, ...others } = expected["calibration"] as { bins: (Record<string, number> & { interval: Ends })[] };
    expectClose(measures.calibration, others, "calibration");
    for (const [i, { interval, ...bin }] of bins.entries()) {
      const own = measures.calibration?.bins[i];
      expectClose(own, bin, `bins[${i}]`);
      for (const end of ["low", "high"] as const)
        expect(Math.abs((own?.interval?.[end] ?? Number.NaN) - interval[end]), `bins[${i}]`).toBeLessThan(
          INTERVAL_TOLERANCE,
        );
    }
  });

  it("has the reference's length measures", () => {
    expectClose(measures.length, expected["length"], "length");
  });

  it("has the benchmark's official score", () => {
    const own = expected["own"] as Record<string, unknown> | undefined;
    if (own === undefined) return void expect(measures.officialScore).toBeUndefined();
    const score = measures.officialScore;
    const list = score?.kind === "rewardbench" ? score.sections : score?.kind === "rewardbench2" ? score.subsets : [];
    const scores = list.map((part) => ["section" in part ? part.section : part.subset, part.score]);
    const byName = own["sections"] ?? own["subsets"];
    expectClose(Object.fromEntries(scores), byName, "parts");
    expect(scores).toHaveLength(Object.keys(byName as object).length);
    expectClose({ score: measures.officialScore?.score }, { score: own["score"] }, "own");
    if (measures.officialScore?.kind === "rewardbench2") expectClose(measures.officialScore.ties, own["ties"], "ties");
  });
});

it("the goldens have what they are for", () => {
  const all = sets.map(({ cases, expected }) => ({ cases, expected: expected as unknown as ExpectedAccuracy }));
  expect(all.filter(({ expected }) => expected.scoreTies > 0).length).toBeGreaterThan(2);
  expect(new Set(all.map(({ expected }) => expected.interval.method))).toEqual(new Set(["wilson", "clustered-wilson"]));
  expect(sets.some(({ cases }) => cases.some(({ grades }) => grades?.includes(undefined)))).toBe(true);
  expect(sets.filter(({ expected }) => expected["ranking"] !== undefined).length).toBeGreaterThan(1);
});

function expectAccuracy(own: BenchmarkMeasures, { interval, ...numbers }: ExpectedAccuracy): void {
  const { accuracy, pairAccuracy, comparisons, scoreTies } = numbers;
  expectClose(own, { accuracy, pairAccuracy, comparisons, scoreTies }, "accuracy");
  const { method, low, high } = own.interval as Interval;
  expect(method).toBe(interval.method);
  const tolerance = method === "wilson" ? TOLERANCE : INTERVAL_TOLERANCE;
  expect(Math.abs(low - interval.ends[0])).toBeLessThanOrEqual(tolerance);
  expect(Math.abs(high - interval.ends[1])).toBeLessThanOrEqual(tolerance);
}

/** Every number of `expected` is there; what is absent there is absent here. */
function expectClose(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected === "number") {
    expect(typeof actual, path).toBe("number");
    expect(Math.abs((actual as number) - expected), `${path}: ${actual} and ${expected}`).toBeLessThanOrEqual(
      TOLERANCE * Math.max(1, Math.abs(expected)),
    );
  } else if (Array.isArray(expected)) {
    expect(actual, path).toHaveLength(expected.length);
    for (const [i, item] of expected.entries()) expectClose((actual as unknown[])[i], item, `${path}[${i}]`);
  } else if (typeof expected === "object" && expected !== null) {
    for (const [name, item] of Object.entries(expected)) {
      expectClose((actual as Record<string, unknown> | undefined)?.[name], item, `${path}.${name}`);
    }
  } else {
    expect(actual, path).toEqual(expected);
  }
}

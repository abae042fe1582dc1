/** The difference of two official scores on the same cases: its value, its interval, and how often that holds the true one. */
import { describe, expect, it } from "vitest";
import type { BenchmarkName, ScoredCase } from "../../../../src/evaluation/case.ts";
import { pairedInterval } from "../../../../src/evaluation/measures/interval.ts";
import { scoreOfficially } from "../../../../src/evaluation/measures/measure.ts";
import { measureScoreDifference, pairedIntervalOfParts } from "../../../../src/evaluation/measures/paired-score.ts";
import { normal, scoredCase, seededRandom } from "./support.ts";

const SUBSETS = {
  rewardbench: ["alpacaeval-easy", "llmbar-natural", "donotanswer", "hep-go", "math-prm"],
  rewardbench2: ["Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties", "Ties"],
  rmbench: ["chat", "math", "code", "safety-refuse"],
  ppe: ["mmlu_pro", "math", "gpqa", "mbpp_plus", "ifeval"],
} as const;
type Official = keyof typeof SUBSETS;
const names = Object.keys(SUBSETS) as Official[];

/** Cases of every part; the better a model, the more its right answers lead. */
function casesOf(name: Official, lead: number, seed: number): ScoredCase[] {
  const random = seededRandom(seed);
  const half = name === "rmbench" ? 3 : name === "rewardbench2" ? 2 : 1;
  return Array.from({ length: 140 }, (_, i) => {
    const subset = SUBSETS[name][i % SUBSETS[name].length] as string;
    const isTied = i % SUBSETS[name].length === 6;
    const right = subset === "Ties" ? (isTied ? 2 : 1) : name === "rewardbench2" ? 1 : half;
    return scoredCase({
      row: i + 1,
      prompt: `p${i >> 1}`,
      subset,
      scores: Array.from({ length: 2 * half }, (_, k) => (k < right ? lead : 0) + normal(random)),
      grades: Array.from({ length: 2 * half }, (_, k) => (k < right ? 1 : 0)),
      ...(subset === "Ties" && { id: `${isTied ? "tied" : "ref"}:${Math.floor(i / 7)}` }),
    });
  });
}

describe.each(names)("%s", (name) => {
  const [first, second] = [casesOf(name, 0.5, 1), casesOf(name, 1.5, 2)];
  const score = (cases: readonly ScoredCase[]) => scoreOfficially(name, cases)?.score ?? Number.NaN;

  it("is the difference of the two scores, inside its interval", () => {
    const { difference, interval } = measureScoreDifference(name, first, second) ?? {};
    expect(difference).toBeCloseTo(score(second) - score(first), 12);
    expect(interval?.method).toBe("paired");
    expect(interval?.low).toBeLessThan(difference ?? -1);
    expect(interval?.high).toBeGreaterThan(difference ?? 1);
    // The other way round it is the same with the other sign.
    const back = measureScoreDifference(name, second, first);
    expect(back?.difference).toBeCloseTo(-(difference ?? 0), 12);
    expect(back?.interval.low).toBeCloseTo(-(interval?.high ?? 0), 12);
  });

  it("is 0 between a model and itself, and its interval is narrow but has a width", () => {
    const { difference, interval } = measureScoreDifference(name, first, first) ?? {};
    expect(difference).toBe(0);
    expect(interval?.low).toBeCloseTo(-(interval?.high ?? 0), 12);
    expect(interval?.high).toBeGreaterThan(0.005);
    expect(interval?.high).toBeLessThan(0.1);
  });

  it("is absent where a part is missing", () => {
    const without = (cases: readonly ScoredCase[]) => cases.filter(({ subset }) => !subset?.startsWith("math"));
    const some = (cases: readonly ScoredCase[]) =>
      without(cases).filter(({ subset }) => subset !== "hep-go" && subset !== "Math");
    expect(measureScoreDifference(name, some(first), some(second))).toBeUndefined();
  });
});

it("is absent where accuracy is the score", () => {
  const cases = casesOf("ppe", 1, 1);
  for (const name of ["human", "pairs", "nectar"] satisfies BenchmarkName[])
    expect(measureScoreDifference(name, cases, cases)).toBeUndefined();
});

describe("the interval of a weighted mean of differences", () => {
  const values = (differences: readonly number[], from = 0) =>
    differences.map((value, i) => ({ prompt: `${from + i}`, value }));
  const one = [0, 1, 0, -1, 1, 1, 0, 0, 1, 0];

  it("is that of the accuracy's difference, where there is one part, or parts that are alike", () => {
    const all = [...one, ...one.toReversed()];
    const plain = pairedInterval(all.map((value) => ({ sum: value, count: 1, squares: value * value })));
    expect(pairedIntervalOfParts([{ weight: 1, values: values(all) }])).toEqual(plain);
    const halves = pairedIntervalOfParts([
      { weight: 0.5, values: values(one) },
      { weight: 0.5, values: values(one.toReversed(), 100) },
    ]);
    expect(halves?.low).toBeCloseTo(plain?.low ?? 0, 2);
    expect(halves?.high).toBeCloseTo(plain?.high ?? 0, 2);
  });

  it("a prompt in both parts is no second piece of evidence", () => {
    const parts = (from: number) => [
      { weight: 0.5, values: values(one) },
      { weight: 0.5, values: values(one, from) },
    ];
    const width = (from: number) => {
      const { low, high } = pairedIntervalOfParts(parts(from)) ?? { low: 0, high: 0 };
      return high - low;
    };
    expect(width(0) / width(100)).toBeGreaterThan(1.25);
  });

  it("is absent without cases", () => {
    expect(pairedIntervalOfParts([{ weight: 1, values: [] }])).toBeUndefined();
  });
});

const SAMPLES = 1000;
const logistic = (x: number) => 1 / (1 + Math.exp(-x));
/** Of a logistic function of a normal difficulty. */
function accuracyAt(centre: number): number {
  let [sum, weights] = [0, 0];
  for (let x = -8; x <= 8; x += 0.01) {
    const weight = Math.exp((-x * x) / 2);
    sum += weight * logistic(centre + x);
    weights += weight;
  }
  return sum / weights;
}

const six = [475, 160, 183, 450, 495, 102].map((size) => size / 1865);
const sections = [358, 456, 740, 1431].map((size) => size / 2985);

/** 95 % intervals contain the true difference in about 95 % of samples. */
it.each(
  [12, 30, 100, 1000].flatMap((prompts) => [
    { prompts, sizes: [0.25, 0.25, 0.25, 0.25], centres: [1], gain: 0.5, shared: false },
    { prompts, sizes: six, centres: [0, 1, 2], gain: 0.3, shared: false },
    { prompts, sizes: sections, centres: [3, 0.5, 2, 2.5], gain: 1, shared: false },
    { prompts, sizes: sections, centres: [3, 0.5, 2, 2.5], gain: 0, shared: false },
    { prompts, sizes: [1, 1, 1], centres: [1.5, 0.8, 0.2], gain: 0.5, shared: true },
  ]),
)("$prompts prompts in parts of $sizes, centres $centres, gain $gain, shared $shared", (shape) => {
  const { prompts, sizes, centres, gain, shared } = shape;
  const random = seededRandom(prompts + sizes.length + gain);
  const centreOf = (k: number) => centres[k % centres.length] as number;
  const truth =
    sizes.reduce((sum, _, k) => sum + accuracyAt(centreOf(k) + gain) - accuracyAt(centreOf(k)), 0) / sizes.length;
  const samples = prompts > 100 ? SAMPLES / 2 : SAMPLES;
  let covered = 0;
  for (let n = 0; n < samples; n++) {
    const hard = Array.from({ length: prompts }, () => normal(random));
    const parts = sizes.map((size, k) => ({
      weight: 1 / sizes.length,
      values: Array.from({ length: shared ? prompts : Math.max(1, Math.round(size * prompts)) }, (_, i) => {
        const own = centreOf(k) + (shared ? (hard[i] as number) : normal(random));
        const value = (random() < logistic(own + gain) ? 1 : 0) - (random() < logistic(own) ? 1 : 0);
        return { prompt: shared ? `${i}` : `${k} ${i}`, value };
      }),
    }));
    const { low, high } = pairedIntervalOfParts(parts) ?? { low: 1, high: -1 };
    if (low <= truth && truth <= high) covered += 1;
  }
  // 93 to 97 %, and four standard errors of a simulation with so many samples; parts of one or two prompts say little.
  expect(covered / samples).toBeGreaterThan(0.93 - 0.02);
  expect(covered / samples).toBeLessThan(prompts < 30 ? 1 : 0.97 + 0.02);
});

/** Simulation: 95 % intervals contain the true accuracy in about 95 % of samples, whatever the prompts' cases have in common. */
import { expect, it } from "vitest";
import type { ClusterSums } from "../../../../src/evaluation/measures/clusters.ts";
import { studentQuantile } from "../../../../src/evaluation/measures/distributions.ts";
import {
  clusteredInterval,
  type Interval,
  intervalOfMean,
  pairedInterval,
  wilsonInterval,
} from "../../../../src/evaluation/measures/interval.ts";
import { intervalOfParts } from "../../../../src/evaluation/measures/weighted-mean.ts";
import { normal, seededRandom } from "./support.ts";

const SAMPLES = 2000;
/** 93 to 97 %, and four standard errors of a simulation with so many samples. */
const [LEAST, MOST] = [0.93 - 0.02, 0.97 + 0.02];

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

interface Prompts {
  readonly prompts: number;
  /** Centre of the prompts' difficulties, on the logistic scale. */
  readonly centre: number;
  /** Their spread: 0 makes cases independent. */
  readonly spread: number;
  /** Cases of a prompt: from 1 to this many. */
  readonly cases: number;
  /** Most prompts have few cases, and some by far the most; default false: each number is as likely. */
  readonly uneven?: boolean;
}

const shapes: Prompts[] = [12, 30, 100, 1000].flatMap((prompts) => [
  { prompts, centre: 0.4, spread: 0, cases: 6 },
  { prompts, centre: 0.4, spread: 1, cases: 6 },
  { prompts, centre: 1.2, spread: 2, cases: 3 },
  { prompts, centre: 0.8, spread: 1, cases: 50, uneven: true },
  { prompts, centre: 0, spread: 3, cases: 50, uneven: true },
]);

function casesOf({ cases, uneven = false }: Pick<Prompts, "cases" | "uneven">, random: () => number): number {
  return uneven
    ? Math.max(1, Math.min(cases, Math.floor(1 / (random() + 1 / cases))))
    : 1 + Math.floor(cases * random());
}

function sampled(shape: Prompts, random: () => number): ClusterSums[] {
  const { prompts, centre, spread } = shape;
  return Array.from({ length: prompts }, () => {
    const chance = logistic(centre + spread * normal(random));
    const count = casesOf(shape, random);
    let sum = 0;
    for (let i = 0; i < count; i++) if (random() < chance) sum += 1;
    return { sum, count };
  });
}

function trueAccuracy({ centre, spread }: Prompts): number {
  let [sum, weights] = [0, 0];
  for (let x = -8; x <= 8; x += 0.01) {
    const weight = Math.exp((-x * x) / 2);
    sum += weight * logistic(centre + spread * x);
    weights += weight;
  }
  return sum / weights;
}

it.each(shapes)("$prompts prompts of up to $cases cases, spread $spread, uneven $uneven", (shape) => {
  const random = seededRandom(shape.prompts + shape.cases);
  const truth = trueAccuracy(shape);
  const samples = shape.prompts > 100 ? SAMPLES / 4 : SAMPLES;
  let covered = 0;
  for (let i = 0; i < samples; i++) {
    const { low, high } = clusteredInterval(sampled(shape, random)) ?? { low: 1, high: 0 };
    if (low <= truth && truth <= high) covered += 1;
  }
  expect(covered / samples).toBeGreaterThan(LEAST);
  expect(covered / samples).toBeLessThan(MOST);
});

it.each([
  [12, false],
  [60, false],
  [400, false],
  [12, true],
  [60, true],
])("differences of two models on %d prompts, uneven %s", (prompts, uneven) => {
  const random = seededRandom(prompts);
  let covered = 0;
  for (let i = 0; i < SAMPLES / 2; i++) {
    const clusters = Array.from({ length: prompts }, () => {
      const hard = normal(random);
      const [a, b] = [logistic(0.8 + hard), logistic(1.2 + hard)];
      const count = uneven ? casesOf({ cases: 50, uneven }, random) : 2;
      let [sum, squares] = [0, 0];
      for (let k = 0; k < count; k++) {
        const difference = (random() < b ? 1 : 0) - (random() < a ? 1 : 0);
        sum += difference;
        squares += difference ** 2;
      }
      return { sum, count, squares };
    });
    const { low, high } = pairedInterval(clusters) ?? { low: 1, high: 0 };
    const truth =
      trueAccuracy({ prompts, centre: 1.2, spread: 1, cases: 2 }) -
      trueAccuracy({ prompts, centre: 0.8, spread: 1, cases: 2 });
    if (low <= truth && truth <= high) covered += 1;
  }
  expect(covered / (SAMPLES / 2)).toBeGreaterThan(LEAST);
  expect(covered / (SAMPLES / 2)).toBeLessThan(MOST);
});

/** A benchmark's own score: a mean of means over parts, each with the same weight. */
interface Official {
  /** Their parts of all prompts. */
  readonly sizes: readonly number[];
  /** Centres of their prompts' difficulties. */
  readonly centres: readonly number[];
  readonly prompts: number;
  readonly spread: number;
  /** Cases of a prompt, of one difficulty. */
  readonly cases: number;
  /** Every prompt is in all parts, with `cases` in each; default false: in one. */
  readonly shared?: boolean;
}

/** Sizes as of RewardBench 2's subsets, RM-Bench's domains and RewardBench's sections. */
const six = [475, 160, 183, 450, 495, 102].map((size) => size / 1865);
const four = [129, 529, 228, 441].map((size) => size / 1327);
const sections = [358, 456, 740, 1431].map((size) => size / 2985);
const equal = [0.25, 0.25, 0.25, 0.25];

const officials: Official[] = [12, 30, 100].flatMap((prompts) => [
  { sizes: equal, centres: [1.4], prompts, spread: 0, cases: 1 },
  { sizes: six, centres: [1.4], prompts, spread: 0, cases: 1 },
  { sizes: four, centres: [0.8, 0, 1.2, 1], prompts, spread: 1, cases: 3 },
  { sizes: sections, centres: [3, 0.5, 2, 2.5], prompts, spread: 1, cases: 1 },
  // Near 1 and near 0.
  { sizes: equal, centres: [3], prompts, spread: 0, cases: 1 },
  { sizes: six, centres: [-3], prompts, spread: 0, cases: 1 },
  // The same prompts in all parts: cases of different parts are right or wrong together.
  { sizes: [1, 1, 1], centres: [1.5, 0.8, 0.2], prompts, spread: 1.5, cases: 2, shared: true },
  { sizes: [1, 1], centres: [3, 3], prompts, spread: 2, cases: 1, shared: true },
]);
officials.push(
  { sizes: sections, centres: [3, 0.5, 2, 2.5], prompts: 1000, spread: 1, cases: 1 },
  { sizes: six, centres: [-3], prompts: 1000, spread: 0, cases: 1 },
  { sizes: [1, 1], centres: [3, 3], prompts: 1000, spread: 2, cases: 1, shared: true },
);

function officialInterval({ sizes, centres, prompts, spread, cases, shared = false }: Official, random: () => number) {
  const difficulties = Array.from({ length: prompts }, () => spread * normal(random));
  return intervalOfParts(
    sizes.map((size, k) => {
      const count = shared ? prompts : Math.max(1, Math.round(size * prompts));
      const values = Array.from({ length: count * cases }, (_, i) => {
        const prompt = i % count;
        const own = shared ? (difficulties[prompt] as number) : undefined;
        return { prompt: shared ? `${prompt}` : `${k} ${prompt}`, own };
      });
      const known = new Map<string, number>();
      return {
        weight: 1 / sizes.length,
        values: values.map(({ prompt, own }) => {
          const difficulty = own ?? known.get(prompt) ?? spread * normal(random);
          known.set(prompt, difficulty);
          return { prompt, value: random() < logistic((centres[k % centres.length] as number) + difficulty) ? 1 : 0 };
        }),
      };
    }),
  );
}

it.each(officials)(
  "a benchmark's own score, of $prompts prompts in parts of $sizes, centres $centres, spread $spread, shared $shared",
  (official) => {
    const { prompts, sizes, centres, spread } = official;
    const random = seededRandom(prompts + sizes.length);
    const truths = sizes.map((_, k) =>
      trueAccuracy({ prompts, centre: centres[k % centres.length] as number, spread, cases: 1 }),
    );
    const truth = truths.reduce((sum, one) => sum + one, 0) / sizes.length;
    const samples = prompts > 100 ? SAMPLES / 4 : SAMPLES / 2;
    let covered = 0;
    for (let i = 0; i < samples; i++) {
      const { low, high } = officialInterval(official, random) ?? { low: 1, high: 0 };
      if (low <= truth && truth <= high) covered += 1;
    }
    expect(covered / samples).toBeGreaterThan(LEAST);
    expect(covered / samples).toBeLessThan(MOST);
  },
);

/** A prompt whose cases are all right, or all wrong: what is most alike. */
const alike = (accuracy: number, count: number, random: () => number): ClusterSums => {
  const sum = random() < accuracy ? count : 0;
  return { sum, count };
};

function expectCoverage(
  truth: number,
  samples: number,
  of: () => { low: number; high: number } | undefined,
  most = MOST,
): void {
  let covered = 0;
  for (let i = 0; i < samples; i++) {
    const { low, high } = of() ?? { low: 1, high: 0 };
    if (low <= truth && truth <= high) covered += 1;
  }
  expect(covered / samples).toBeGreaterThan(LEAST);
  expect(covered / samples).toBeLessThan(most);
}

// Of a few wrong prompts, most are small: their residuals alone cover the truth 82 to 90 times in 100.
it.each([
  [30, 0.9],
  [60, 0.9],
  [100, 0.97],
  [300, 0.97],
])("%d prompts of one to 50 cases that are all right or all wrong, accuracy %d", (prompts, accuracy) => {
  const random = seededRandom(prompts);
  expectCoverage(accuracy, SAMPLES / 2, () =>
    clusteredInterval(
      Array.from({ length: prompts }, () => alike(accuracy, casesOf({ cases: 50, uneven: true }, random), random)),
    ),
  );
});

// Often no prompt differs at all. Then the interval must be wide enough for the true difference, and nearly all samples are covered.
it("differences that are rare, on 12 prompts of four cases that differ together", () => {
  const random = seededRandom(12);
  const sample = () =>
    pairedInterval(
      Array.from({ length: 12 }, () => {
        const difference = alike(0.97, 4, random).sum - alike(0.9, 4, random).sum;
        return { sum: difference, count: 4, squares: difference ** 2 / 4 };
      }),
    );
  expectCoverage(0.07, SAMPLES, sample, 1);
});

it.each([12, 30, 300])("the average of three benchmarks of %d prompts near 1", (prompts) => {
  const random = seededRandom(prompts);
  expectCoverage(0.97, SAMPLES, () =>
    intervalOfMean(
      Array.from({ length: 3 }, () => {
        const right = Array.from({ length: prompts }, () => random()).filter((one) => one < 0.97).length;
        return { share: right / prompts, interval: wilsonInterval(right, prompts) as Interval };
      }),
    ),
  );
});

it.each([
  { sizes: [5, 500, 500, 500], accuracies: [0.95, 0.5, 0.8, 0.75] },
  { sizes: [500, 500, 5, 500], accuracies: [0.95, 0.5, 0.8, 0.75] },
  { sizes: [5, 500, 20, 100], accuracies: [0.95, 0.5, 0.8, 0.75] },
  { sizes: [1, 30, 30, 30], accuracies: [0.97, 0.9, 0.93, 0.98] },
  { sizes: [3, 3, 3, 3], accuracies: [0.5, 0.5, 0.5, 0.5] },
])("a mean of parts of $sizes prompts with accuracies $accuracies", ({ sizes, accuracies }) => {
  const random = seededRandom(sizes[0] as number);
  expectCoverage(accuracies.reduce((sum, one) => sum + one, 0) / sizes.length, SAMPLES / 2, () =>
    intervalOfParts(
      sizes.map((size, k) => ({
        weight: 1 / sizes.length,
        values: Array.from({ length: size }, () => ({ value: random() < (accuracies[k] as number) ? 1 : 0 })),
      })),
    ),
  );
});

it("Student's quantile is scipy's", () => {
  for (const [degrees, quantile] of [
    [1, 12.706205],
    [1.2, 8.648827],
    [1.5, 6.016663],
    [1.8, 4.794881],
    [2.5, 3.574655],
    [3, 3.182446],
    [4, 2.776445],
    [4.5, 2.658912],
    [5, 2.570582],
    [7, 2.364624],
    [11, 2.200985],
    [40, 2.021075],
    [999, 1.962341],
  ] as const)
    expect(Math.abs(studentQuantile(degrees) / quantile - 1)).toBeLessThan(degrees < 2 ? 1.2e-3 : 5e-5);
});

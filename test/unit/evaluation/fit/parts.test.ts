/** The parts of a fit: splits by prompt, names of items, L-BFGS and its line search, tables of features. */
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../../../src/errors.ts";
import { FeatureTable } from "../../../../src/evaluation/fit/feature-table.ts";
import type { FitCase } from "../../../../src/evaluation/fit/fit-data.ts";
import { findStep, type LineFrom, minimize, type Point } from "../../../../src/evaluation/fit/lbfgs.ts";
import { foldsOf, holdOut, joinByPrompt, shuffledGroups } from "../../../../src/evaluation/fit/split.ts";
import { itemHash, promptHash } from "../../../../src/evaluation/item-texts.ts";
import { randomOf } from "../../../random.ts";

const someCases = (groups: readonly string[]): FitCase[] =>
  groups.map((group, i) => ({ source: 0, row: i + 1, rows: [], grades: [], comparisons: [], group }));

describe("the split", () => {
  const random = randomOf(4);
  const cases = someCases(Array.from({ length: 200 }, () => `prompt ${random(60)}`));
  const rows = (list: readonly FitCase[]) => list.map(({ row }) => row).sort((a, b) => a - b);

  it("keeps equal prompts together, takes every case once, and the part that it was told", async () => {
    const { training, heldOut } = await holdOut(cases, 0.25, 1);
    const groups = new Set(cases.map(({ group }) => group)).size;
    expect(new Set(heldOut.map(({ group }) => group)).size).toBe(Math.round(groups / 4));
    const inside = new Set(training.flat().map(({ group }) => group));
    expect(heldOut.some(({ group }) => inside.has(group))).toBe(false);
    expect(rows([...training.flat(), ...heldOut])).toEqual(rows(cases));
  });

  it("depends on the seed alone, not on the order of the cases", async () => {
    const first = rows((await holdOut(cases, 0.2, 7)).heldOut);
    expect(rows((await holdOut(cases.toReversed(), 0.2, 7)).heldOut)).toEqual(first);
    expect(rows((await holdOut(cases, 0.2, 8)).heldOut)).not.toEqual(first);
  });

  it("never holds out everything, and of two prompts one", async () => {
    for (const [groups, part, expected] of [
      [["a"], 0.5, 0],
      [["a", "b"], 0.01, 1],
      [["a", "b"], 0.9, 1],
      [["a", "b", "c"], 0, 0],
      [[], 0.5, 0],
    ] as const) {
      expect((await holdOut(someCases(groups), part, 0)).heldOut).toHaveLength(expected);
    }
  });

  it("cuts folds that judge every case once by a head that did not see its prompt", async () => {
    const groups = await shuffledGroups(cases, 3);
    const folds = foldsOf(groups, 5);
    expect(rows(folds.flatMap(({ judged }) => judged))).toEqual(rows(cases));
    for (const { training, judged } of folds) {
      const seen = new Set(training.map(({ group }) => group));
      expect(judged.some(({ group }) => seen.has(group))).toBe(false);
      expect(training.length + judged.length).toBe(cases.length);
    }
  });

  it("joins cases that have any prompt in common, in any order", () => {
    const prompts = [["a", "b"], ["c"], ["d", "c"], ["b", "d"], ["e"], ["f", "g"]];
    const groups = joinByPrompt(prompts);
    expect(new Set(groups.slice(0, 4)).size).toBe(1);
    expect(new Set(groups).size).toBe(3);
    expect(joinByPrompt(prompts.toReversed()).reverse()).toEqual(groups);
  });
});

describe("hashes of items", () => {
  const pair = { prompt: "Hello", response: "World" };
  const conversation = {
    messages: [
      { role: "user", content: "Hello" },
      { role: "assistant", content: "World" },
    ],
  } as const;

  it("tell items apart by shape and text alone", () => {
    const items = [
      pair,
      conversation,
      { text: "Hello" },
      { prompt: "Hell", response: "oWorld" },
      { prompt: 'Hello","World', response: "" },
      { messages: [{ role: "system", content: "" }, ...conversation.messages] as const },
    ];
    expect(new Set(items.map(itemHash)).size).toBe(items.length);
    expect(itemHash({ ...pair, extra: 1 } as typeof pair)).toBe(itemHash(pair));
    expect(itemHash({ response: "World", prompt: "Hello" })).toBe(itemHash(pair));
  });

  it("are the same for a prompt however it is written", () => {
    expect(promptHash(pair)).toBe(promptHash(conversation));
    expect(promptHash({ ...pair, response: "other" })).toBe(promptHash(pair));
    expect(promptHash({ ...pair, prompt: "Bye" })).not.toBe(promptHash(pair));
    expect(promptHash({ text: "Hello" })).not.toBe(promptHash({ text: "Hello!" }));
  });
});

describe("L-BFGS", () => {
  const options = { tolerance: 1e-9, maxIterations: 500 };
  /** Returns the value at x and writes the gradient. */
  type Evaluate = (x: Float64Array, gradient: Float64Array) => number;
  const pointOf = (evaluate: Evaluate, x: Float64Array): Point => {
    const gradient = new Float64Array(x.length);
    return { x, value: evaluate(x, gradient), gradient };
  };
  const lineOf =
    (evaluate: Evaluate): LineFrom<Point> =>
    async ({ x }, direction) =>
    async (step) => {
      const point = pointOf(
        evaluate,
        x.map((coordinate, i) => coordinate + step * (direction[i] as number)),
      );
      const slope = point.gradient.reduce((sum, part, i) => sum + part * (direction[i] as number), 0);
      return { step, value: point.value, slope, point: async () => point };
    };
  const search = (evaluate: Evaluate, start: Float64Array, more: Partial<Parameters<typeof minimize>[2]> = {}) =>
    minimize(lineOf(evaluate), pointOf(evaluate, start), {
      ...options,
      scales: new Float64Array(start.length).fill(1),
      ...more,
    });

  const curvatures = Array.from({ length: 30 }, (_, i) => 10 ** (i / 6 - 2));
  const bowl: Evaluate = (x, gradient) => {
    let value = 0;
    for (const [i, curvature] of curvatures.entries()) {
      const away = (x[i] as number) - i;
      gradient[i] = curvature * away;
      value += (curvature * away * away) / 2;
    }
    return value;
  };

  it("finds the minimum of a badly scaled bowl", async () => {
    const found = await search(bowl, new Float64Array(30));
    expect(found.converged).toBe(true);
    for (const [i, x] of found.x.entries()) expect(Math.abs(x - i)).toBeLessThan(1e-6);
  });

  it("takes few iterations where the scales are known, and none to learn again what another search found", async () => {
    const scales = Float64Array.from(curvatures, (curvature) => 1.5 / curvature);
    const known = await search(bowl, new Float64Array(30), { scales });
    expect(known).toMatchObject({ converged: true });
    expect(known.iterations).toBeLessThanOrEqual(3);
    const unknown = await search(bowl, new Float64Array(30));
    const again = await search(bowl, new Float64Array(30).fill(-1), { pairs: unknown.pairs });
    expect(again.converged).toBe(true);
    expect(again.iterations).toBeLessThan(unknown.iterations / 2);
  });

  it("stops where a step gains too little, but not before it has taken one", async () => {
    const raised: Evaluate = (x, gradient) => 1 + bowl(x, gradient);
    const all = await search(raised, new Float64Array(30));
    const loose = await search(raised, new Float64Array(30), { gain: 1e-3 });
    expect(loose.iterations).toBeLessThan(all.iterations);
    expect(loose.value - all.value).toBeLessThan(1e-2);
    expect((await search(raised, new Float64Array(30), { gain: 1e9 })).iterations).toBe(1);
  });

  it("finds the minimum of a function that is flat on one side and steep on the other", async () => {
    const steep: Evaluate = ([x = 0], gradient) => {
      gradient[0] = -1 / (1 + Math.exp(x)) + 1e-3 * x + 0.02 * x ** 3;
      return Math.log1p(Math.exp(-x)) + 5e-4 * x * x + 0.005 * x ** 4;
    };
    const found = await search(steep, Float64Array.of(-20));
    expect(found.converged).toBe(true);
    expect(found.gradientNorm).toBeLessThanOrEqual(1e-9);
  });

  it("does nothing where there is nothing to do, and says when it ran out of iterations", async () => {
    const ellipse: Evaluate = ([x = 0, y = 0], gradient) => {
      gradient.set([x, 1000 * y]);
      return (x * x + 1000 * y * y) / 2;
    };
    expect(await search(ellipse, new Float64Array(2))).toMatchObject({ iterations: 0, converged: true });
    const cut = await search(ellipse, Float64Array.of(1, 1), { maxIterations: 1 });
    expect(cut).toMatchObject({ iterations: 1, converged: false });
  });

  it("stops where values are no numbers", async () => {
    const broken: Evaluate = (x, gradient) => {
      gradient.fill(1);
      return x[0] === 0 ? 0 : Number.NaN;
    };
    expect((await search(broken, new Float64Array(1))).converged).toBe(false);
  });

  it.each([1e-6, 1, 1e6])("steps to where both Wolfe conditions hold, from a first step of %d", async (first) => {
    const value = (step: number) => Math.log1p(Math.exp(5 - step)) + 0.01 * step * step;
    const slope = (step: number) => -1 / (1 + Math.exp(step - 5)) + 0.02 * step;
    const at = async (step: number) => ({ step, value: value(step), slope: slope(step) });
    const found = await findStep(at, await at(0), first);
    expect(found?.value).toBeLessThanOrEqual(value(0) + 1e-4 * (found?.step as number) * slope(0));
    expect(Math.abs(found?.slope as number)).toBeLessThanOrEqual(0.9 * Math.abs(slope(0)));
  });
});

describe("a table of features", () => {
  it("holds rows over several blocks", () => {
    const width = 3_000_000;
    const table = new FeatureTable(13, width);
    for (const i of [0, 4, 5, 12]) table.row(i).fill(i + 1);
    for (const i of [0, 4, 5, 12]) expect([table.row(i)[0], table.row(i)[width - 1]]).toEqual([i + 1, i + 1]);
    expect(table.row(3)[0]).toBe(0);
    for (const i of [13, 15, -1]) expect(() => table.row(i)).toThrow(InvalidInputError);
  });
});

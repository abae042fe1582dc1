/** Features: the hidden states behind the scores, in all modes of the engine and through the public class. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isStarlingError, loadRewardModel, type RewardModel } from "../../src/index.ts";
import type { LoadOptions, NativeAddon, NativeModel } from "../../src/native/addon.ts";
import type { RewardHead } from "../../src/reward-head.ts";
import { errorOf, joined, load, loadOptions, makeModel, openAddon, pause, removeFolder, sequence } from "./support.ts";

let addon: NativeAddon;
let path: string;
beforeAll(async () => {
  addon = await openAddon();
  path = await makeModel(addon, "q4_k_m");
});
afterAll(removeFolder);

const { head } = loadOptions("");
const biased = { ...head, bias: Math.fround(-7.3) };
const prompt = sequence(90, 900);
const answers = Array.from({ length: 9 }, (_, i) => joined(prompt, sequence(1 + 11 * i, 500 + i)));

/** As the addon does it: products and sum in float64, from the first to the last, rounded once. */
function product({ weight, bias = 0 }: RewardHead, features: Float32Array): number {
  let sum = 0;
  for (const [i, value] of weight.entries()) sum += value * (features[i] as number);
  return Math.fround(sum + bias);
}

const all = (model: NativeModel, sequences: readonly Int32Array[]) =>
  Promise.all(model.features(sequences).map(({ promise }) => promise));

describe("the native features", () => {
  it.each<[string, Partial<LoadOptions>]>([
    ["one worker", {}],
    ["two workers", { contextWorkers: 2 }],
    ["small batches", { batchTokens: 24, microBatch: 12 }],
    ["a bias", { head: biased }],
    ["padding behind the text", { paddingToken: 0, paddingPosition: 255 }],
  ])("are the same in any company, and make the score's bits, with %s", async (_, changes) => {
    const single = await load(addon, path, { ...changes, sharePrefixes: false, contextWorkers: 1 });
    const model = await load(addon, path, changes);
    const scores = await Promise.all(model.scoreEach(answers).map(({ promise }) => promise));
    for (const round of [answers, answers.toReversed()]) {
      const rows = await all(model, round);
      if (round !== answers) rows.reverse();
      for (const [i, row] of rows.entries()) {
        expect(row).toHaveLength(head.weight.length + 1);
        expect(row.at(-1)).toBe(scores[i]);
        expect(product(changes.head ?? head, row.subarray(0, -1))).toBe(scores[i]);
        const [alone] = await all(single, [answers[i] as Int32Array]);
        expect(row).toEqual(alone);
      }
    }
    await Promise.all([single.close(), model.close()]);
  });

  it("make the score's bits in packed batches, beside sequences of which only the score is wanted", async () => {
    const f16 = await makeModel(addon);
    const single = await load(addon, f16);
    const expected = await all(single, answers);
    const model = await load(addon, f16, { maxSequences: 8, batchTokens: 400, flashAttention: true });
    const others = model.scoreEach(answers);
    const rows = await all(model, answers);
    for (const [i, row] of rows.entries()) {
      expect(product(head, row.subarray(0, -1))).toBe(row.at(-1));
      const far = row.map((value, k) => Math.abs(value - (expected[i]?.[k] as number)));
      expect(Math.max(...far)).toBeLessThan(0.05);
      expect(Math.abs((await (others[i] as (typeof others)[0]).promise) - (row.at(-1) as number))).toBeLessThan(0.03);
    }
    await Promise.all([single.close(), model.close()]);
  });

  it("compute what sequences share once", async () => {
    const model = await load(addon, path);
    await all(model, answers);
    const computed = model.computedTokens;
    expect(computed).toBeLessThan(answers.reduce((sum, { length }) => sum + length, 0) / 2);
    await model.close();
  });

  it("can be cancelled one by one, and the others are right", async () => {
    const model = await load(addon, path, { contextWorkers: 2 });
    const expected = await all(model, answers);
    for (let round = 0; round < 5; round++) {
      const doomed = model.features(Array.from({ length: 20 }, (_, i) => sequence(1200, i)));
      const failures = doomed.map(({ promise }) => errorOf(promise));
      await pause(round * 15);
      const wanted = model.features(answers);
      for (const job of doomed) job.cancel();
      for (const failure of failures) expect((await failure).code).toBe("ABORTED");
      expect(await Promise.all(wanted.map(({ promise }) => promise))).toEqual(expected);
    }
    await model.close();
  });

  it("reject with CLOSED when the model is closed in the middle, and afterwards", async () => {
    const model = await load(addon, path);
    const failures = model
      .features(Array.from({ length: 30 }, (_, i) => sequence(1500, i)))
      .map(({ promise }) => errorOf(promise));
    await pause(20);
    await model.close();
    for (const failure of failures.slice(1)) expect((await failure).code).toBe("CLOSED");
    const [late] = model.features([prompt]);
    expect((await errorOf((late as { promise: Promise<unknown> }).promise)).code).toBe("CLOSED");
  });

  it("refuse what is not a list of sequences, and take an empty one", async () => {
    const model = await load(addon, path);
    expect(model.features([])).toEqual([]);
    expect(() => model.features([new Int32Array(0)])).toThrow(RangeError);
    expect(() => model.features([Int32Array.of(-1)])).toThrow(RangeError);
    expect(() => model.features([[1, 2]] as never)).toThrow(TypeError);
    expect(() => model.features(undefined as never)).toThrow(TypeError);
    await model.close();
  });
});

describe("the features of a reward model", () => {
  let model: RewardModel;
  beforeAll(async () => {
    model = await loadRewardModel({ modelPath: path, gpu: "off" });
  });
  afterAll(() => model.close());

  const items = ["Paris.", "Paris is the capital of France.", "No idea.", ""].map((response) => ({
    prompt: "What is the capital of France?",
    response,
  }));

  it("come with the scores that score() gives, in the order of the items", async () => {
    const results = await model.features(items);
    expect(results.map(({ features: _, ...result }) => result)).toEqual(await model.score(items));
    for (const { features } of results) {
      expect(features).toBeInstanceOf(Float32Array);
      expect(features).toHaveLength(model.info.embeddingLength);
    }
  });

  it("stream in constant memory, with the error of an item in its place", async () => {
    const count = 1500;
    async function* source() {
      for (let i = 0; i < count; i++) yield i === 700 ? ({ prompt: 7 } as never) : (items[i % 4] as (typeof items)[0]);
    }
    const [first] = await model.features(items);
    let seen = 0;
    for await (const outcome of model.featuresEach(source())) {
      expect(outcome.index).toBe(seen);
      if (seen === 700) expect("error" in outcome && isStarlingError(outcome.error)).toBe(true);
      else if (seen % 4 === 0) expect("features" in outcome && outcome.features).toEqual(first?.features);
      seen++;
    }
    expect(seen).toBe(count);
  });

  it("refuse options that they do not have", async () => {
    await expect(model.features(items, { perToken: true } as never)).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
    await expect(model.features({} as never)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect(() => model.featuresEach(items, { sinal: 1 } as never)).toThrow(/"signal"/);
  });

  it("stop with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const working = model.features(
      Array.from({ length: 400 }, (_, i) => ({ text: `${i} ${"word ".repeat(300)}` })),
      { signal: stop.signal, onProgress: () => stop.abort(reason) },
    );
    await expect(working).rejects.toBe(reason);
    expect(await model.features(items.slice(0, 1))).toHaveLength(1);
  });
});

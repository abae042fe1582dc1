/** Sharing in the engine: the same bits as without, whatever is shared, pinned, interrupted or evaluated side by side. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadOptions, NativeAddon } from "../../src/native/addon.ts";
import { randomOf } from "../random.ts";
import { errorOf, joined, load, makeModel, openAddon, pause, removeFolder, sequence } from "./support.ts";

let addon: NativeAddon;
let path: string;
beforeAll(async () => {
  addon = await openAddon();
  path = await makeModel(addon, "q4_k_m");
});
afterAll(removeFolder);

const prompt = sequence(150, 900);
const responses = Array.from({ length: 9 }, (_, i) => sequence(5 + 11 * i, 500 + i));
const answers = responses.map((response) => joined(prompt, response));

/** Each alone in a model that shares nothing. */
async function alone(sequences: readonly Int32Array[], file = path): Promise<number[]> {
  const model = await load(addon, file, { sharePrefixes: false });
  const scores: number[] = [];
  for (const one of sequences) scores.push(...(await model.score([one]).promise));
  await model.close();
  return scores;
}

describe("shared prefixes", () => {
  it.each<[string, Partial<LoadOptions>]>([
    ["one worker", {}],
    ["two workers", { contextWorkers: 2 }],
    ["three workers, alone with two threads", { contextWorkers: 3, soloThreads: 2 }],
    ["small batches", { batchTokens: 24, microBatch: 12 }],
  ])("gives the bits of each alone with %s", async (_, changes) => {
    const random = randomOf(3);
    const mixed = Array.from({ length: 60 }, (_, i) =>
      random(3) === 0
        ? sequence(1 + random(90), i)
        : joined(prompt.subarray(0, 20 + random(130)), sequence(1 + random(30), i)),
    );
    const expected = await alone(mixed);
    const model = await load(addon, path, changes);
    expect([...(await model.score(mixed).promise)]).toEqual(expected);
    expect([...(await model.score(mixed.toReversed()).promise)].reverse()).toEqual(expected);
    const each = await Promise.all(model.scoreEach(mixed).map(({ promise }) => promise));
    expect(each).toEqual(expected);
    await model.close();
  });

  it("stays within the packed mode's tolerance when a batch shares a prompt with the one before", async () => {
    const f16 = await makeModel(addon);
    const expected = await alone(answers, f16);
    for (const maxSequences of [2, 4, 32]) {
      const model = await load(addon, f16, { maxSequences, batchTokens: 200, flashAttention: true });
      for (const round of [answers, answers.toReversed()]) {
        const scores = [...(await model.score(round).promise)];
        if (round !== answers) scores.reverse();
        for (const [i, score] of scores.entries()) expect(Math.abs(score - (expected[i] as number))).toBeLessThan(0.03);
      }
      await model.close();
    }
  });

  it("makes the context larger when a longer sequence comes, and goes on", async () => {
    const model = await load(addon, path);
    const lengths = [10, 300, 20, 600, 1500, 30, 2048, 10];
    const growing = lengths.map((length, i) => sequence(length, 40 + i));
    const expected = await alone(growing);
    for (const [i, one] of growing.entries()) expect((await model.score([one]).promise)[0]).toBe(expected[i]);
    await model.close();
  });
});

describe("cancelling in the middle of a plan", () => {
  it.each([1, 2])("leaves the others alone and the next scores right, with %i workers", async (contextWorkers) => {
    const model = await load(addon, path, { contextWorkers });
    const expected = await alone(answers);
    const long = Array.from({ length: 30 }, (_, i) => joined(sequence(1200, 77), sequence(200, i)));
    for (let round = 0; round < 8; round++) {
      const cancelled = model.scoreEach(long);
      const failures = cancelled.map(({ promise }) => errorOf(promise));
      await pause(round * 15);
      const wanted = model.scoreEach(answers);
      for (const job of cancelled) job.cancel();
      for (const failure of failures) expect(["ABORTED", undefined]).toContain((await failure).code);
      expect(await Promise.all(wanted.map(({ promise }) => promise))).toEqual(expected);
    }
    await model.close();
  });

  it("computes again what was interrupted in a packed batch for another one's sake", async () => {
    const f16 = await makeModel(addon);
    const model = await load(addon, f16, { maxSequences: 8, batchTokens: 4096, contextTokens: 2048 });
    const first = await Promise.all(model.scoreEach(answers).map(({ promise }) => promise));
    for (let round = 0; round < 6; round++) {
      const doomed = model.score([joined(prompt, sequence(1500, round))]);
      const jobs = model.scoreEach(answers);
      await pause(5 * round);
      doomed.cancel();
      await errorOf(doomed.promise).catch(() => {});
      const scores = await Promise.all(jobs.map(({ promise }) => promise));
      for (const [i, score] of scores.entries()) expect(Math.abs(score - (first[i] as number))).toBeLessThan(0.03);
    }
    await model.close();
  });
});

describe("pinned prefixes", () => {
  it.each<[string, Partial<LoadOptions>]>([
    ["in the cache", {}],
    ["saved on several workers", { contextWorkers: 2 }],
    ["without memory to save them", { pinnedMebibytes: 0 }],
    ["with memory for one", { pinnedMebibytes: 1 }],
    ["in packed batches", { maxSequences: 4 }],
  ])("give the same scores as the responses come one by one, %s", async (_, changes) => {
    const f16 = await makeModel(addon);
    const prompts = [prompt, sequence(700, 31), sequence(90, 32)];
    const texts = prompts.flatMap((pinned) => responses.slice(0, 3).map((response) => joined(pinned, response)));
    const expected = await alone(texts, f16);
    const model = await load(addon, f16, changes);
    const near = (score: number | undefined, wanted: number | undefined) =>
      changes.maxSequences
        ? expect(Math.abs((score as number) - (wanted as number))).toBeLessThan(0.03)
        : expect(score).toBe(wanted);
    const ids = await Promise.all(prompts.map((pinned) => model.pinPrefix(pinned).promise));
    expect(new Set(ids).size).toBe(3);
    // Round-robin, with other work between: every prompt must give way and come back.
    for (const k of [0, 1, 2])
      for (const p of [0, 1, 2]) {
        near((await model.score([texts[3 * p + k] as Int32Array]).promise)[0], expected[3 * p + k]);
        await model.score([sequence(60, 1000 + 3 * p + k)]).promise;
      }
    for (const id of ids) model.unpinPrefix(id);
    model.unpinPrefix(12_345);
    for (const [i, text] of texts.entries()) near((await model.score([text]).promise)[0], expected[i]);
    await model.close();
  });

  it.each<[string, Partial<LoadOptions>, number]>([
    ["exact mode", {}, 4],
    ["packed mode", { maxSequences: 4 }, 1],
  ])("are not computed again in %s: responses cost their own tokens", async (_, changes, multiple) => {
    const model = await load(addon, path, changes);
    const cost = async (work: () => Promise<unknown>) => {
      const before = model.computedTokens;
      await work();
      return model.computedTokens - before;
    };
    const pinned = sequence(1001, 5);
    const kept = 1001 - (1001 % multiple);
    let id = 0;
    expect(await cost(async () => (id = await model.pinPrefix(pinned).promise))).toBe(1001);
    expect(await cost(() => model.score([joined(pinned, sequence(10, 7))]).promise)).toBe(1011 - kept);
    expect(await cost(() => model.score([sequence(500, 6)]).promise)).toBe(500);
    expect(await cost(() => model.score([joined(pinned, sequence(10, 8))]).promise)).toBe(1011 - kept);
    model.unpinPrefix(id);
    expect(await cost(() => model.score([sequence(500, 9)]).promise)).toBe(500);
    expect(await cost(() => model.score([joined(pinned, sequence(10, 10))]).promise)).toBe(1011);
    expect(model.computedTokens + model.reusedTokens).toBe(1001 + 3 * 1011 + 2 * 500);
    expect(model.reusedTokens).toBe(2 * kept);
    await model.close();
  });

  it("can be cancelled, and refuse what is no prefix", async () => {
    const model = await load(addon, path);
    const busy = model.score([sequence(2000, 1)]);
    const job = model.pinPrefix(prompt);
    job.cancel();
    expect((await errorOf(job.promise)).code).toBe("ABORTED");
    await busy.promise;
    expect(() => model.pinPrefix(new Int32Array(0))).toThrow(RangeError);
    expect(() => model.pinPrefix([1, 2] as never)).toThrow(TypeError);
    await model.close();
    expect((await errorOf(model.pinPrefix(prompt).promise)).code).toBe("CLOSED");
    model.unpinPrefix(1);
  });
});

describe("rewards of single tokens", () => {
  it.each(["f32", "f16", "q8_0", "q4_k_m"])(
    "are the scores of the text up to each token, to the last bit, for %s",
    async (type) => {
      const file = await makeModel(addon, type);
      const text = joined(prompt.subarray(0, 33), sequence(140, 9));
      const ends = [33, 34, 35, 36, 37, 80, 96, 97, 98, 99, 100, 171, 172];
      const expected = await alone(
        ends.map((end) => text.subarray(0, end + 1)),
        file,
      );
      const model = await load(addon, file, { contextWorkers: 2 });
      for (const from of [33, 0, 172]) {
        const rewards = await model.scoreTokens(text, from).promise;
        expect(rewards).toHaveLength(173 - from);
        for (const [i, end] of ends.entries()) if (end >= from) expect(rewards[end - from]).toBe(expected[i]);
      }
      const [score] = await model.score([text]).promise;
      expect((await model.scoreTokens(text, 100).promise).at(-1)).toBe(score);
      await model.close();
    },
  );

  it("work in packed mode, beside scores", async () => {
    const f16 = await makeModel(addon);
    const model = await load(addon, f16, { maxSequences: 4, batchTokens: 512 });
    const jobs = [model.scoreTokens(answers[1] as Int32Array, 150), ...model.scoreEach(answers)];
    const [rewards, ...scores] = await Promise.all(jobs.map(({ promise }) => promise as Promise<unknown>));
    expect(rewards).toHaveLength((answers[1] as Int32Array).length - 150);
    expect(Math.abs(((rewards as Float32Array).at(-1) ?? 0) - (scores[1] as number))).toBeLessThan(0.03);
    await model.close();
  });

  it("refuse a start outside the sequence", async () => {
    const model = await load(addon, path);
    for (const from of [-1, 5, 2.5, Number.NaN, "1"])
      expect(() => model.scoreTokens(sequence(5, 1), from as number)).toThrow(RangeError);
    await model.close();
  });
});

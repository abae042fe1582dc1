/**
 * Where our own kernels compute everything, exact mode evaluates several sequences in one batch: to the bits of each alone, whatever
 * is shared, kept, moved, pinned or interrupted.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadOptions, NativeAddon } from "../../../src/native/addon.ts";
import { bindOwnKernels } from "../../../src/native/prefill-kernels.ts";
import { findRuntime } from "../../../src/native/runtime-folder.ts";
import { randomOf } from "../../random.ts";
import { joined, load, makeModel, openAddon, pause, removeFolder, sequence } from "../support.ts";
import { takenFormats } from "./taken-formats.ts";

/** ggml_type. */
const TYPES = { f16: 1, q4_0: 2, q8_0: 8 } as const;
/** Of the model's matrices. */
const COLUMNS = [256, 384];

const addon = await openAddon();
const obstacle = await bindOwnKernels(addon, await addon.openRuntime(findRuntime("cpu")));
const { gemm } = addon.prefillKernels();
if (obstacle !== undefined) console.warn(`Batches of our own kernels are not tested: ${obstacle}.`);
const types = Object.keys(TYPES) as (keyof typeof TYPES)[];
/** Without what a kernel does not take: llama.cpp's would compute that. */
const cases = (await takenFormats(addon, gemm)).flatMap(({ kernel, format }) =>
  types.filter((type) => type === format.name).map((type) => [kernel, type] as const),
);
const paths = new Map<keyof typeof TYPES, string>();
beforeAll(async () => {
  for (const type of types) paths.set(type, await makeModel(addon, type));
});
afterAll(removeFolder);

const own = (type: keyof typeof TYPES, kernel: string, changes: Partial<LoadOptions> = {}) =>
  load(addon as NativeAddon, paths.get(type) as string, {
    prefillWeights: COLUMNS.map((columns) => ({ type: TYPES[type], columns, kernel })),
    prefillAttention: true,
    flashAttention: true,
    rowMultiple: 1,
    maxSequences: 32,
    ...changes,
  });

/** Beginnings of several lengths, shared by some; equal ones, and ones that others begin with. */
function mixedSequences(seed: number, count: number): Int32Array[] {
  const random = randomOf(seed);
  const beginnings = [sequence(150, 900), sequence(230, 901), joined(sequence(60, 900), sequence(70, 902))];
  return Array.from({ length: count }, (_, i) => {
    const beginning = beginnings[random(beginnings.length)] as Int32Array;
    if (random(4) === 0) return sequence(1 + random(90), seed + i);
    if (random(9) === 0) return beginning.subarray(0, 1 + random(beginning.length));
    return joined(beginning.subarray(0, 20 + random(beginning.length - 20)), sequence(1 + random(70), i % 20));
  });
}

async function alone(type: keyof typeof TYPES, kernel: string, texts: readonly Int32Array[], changes = {}) {
  const model = await own(type, kernel, { maxSequences: 1, sharePrefixes: false, ...changes });
  const scores: number[] = [];
  for (const one of texts) scores.push(...(await model.score([one]).promise));
  await model.close();
  return scores;
}

describe.runIf(obstacle === undefined)("batches of several sequences", () => {
  it.each(cases)("give the bits of each alone with %s and %s", async (kernel, type) => {
    const kvType = type === "q4_0" ? "f16" : "f32";
    const mixed = mixedSequences(cases.length + TYPES[type], 40);
    const expected = await alone(type, kernel, mixed, { kvType });
    expect(new Set(expected).size).toBeGreaterThan(30);
    for (const changes of [
      {},
      { maxSequences: 3, batchTokens: 190, microBatch: 50 },
      { contextWorkers: 2, soloThreads: 2 },
      { contextWorkers: 3, batchTokens: 90, pinnedMebibytes: 1 },
    ]) {
      const model = await own(type, kernel, { kvType, ...changes });
      const ways = [
        [...(await model.score(mixed).promise)],
        [...(await model.score(mixed.toReversed()).promise)].reverse(),
        await Promise.all(model.scoreEach(mixed).map(({ promise }) => promise)),
      ];
      for (const [way, scores] of ways.entries())
        expect(scores, `${JSON.stringify(changes)}, ${way}`).toEqual(expected);
      await model.close();
    }
  });

  const kernelOf = (type: keyof typeof TYPES) => cases.find((one) => one[1] === type)?.[0] as string;

  it("move what a sequence keeps from between the cells of others", async () => {
    // Of the first batch, the last keeps less than others: its tokens come after theirs, and go on after they have left.
    const first = sequence(120, 1);
    const second = joined(first.subarray(0, 30), sequence(90, 2));
    const texts = [1, 2, 3].map((i) => joined(first, sequence(20, i)));
    for (let i = 4; i < 16; i++) texts.push(joined(second, sequence(15 + i, i)));
    const expected = await alone("q8_0", kernelOf("q8_0"), texts);
    const model = await own("q8_0", kernelOf("q8_0"), { batchTokens: 200 });
    // The context is made as large as it will be.
    await model.score([sequence(300, 90)]).promise;
    await model.score([first]).promise;
    const before = model.computedTokens;
    expect([...(await model.score(texts).promise)]).toEqual(expected);
    const distinct = 3 * 20 + 90 + texts.slice(3).reduce((sum, { length }) => sum + length - 120, 0);
    expect(model.computedTokens - before).toBe(distinct);
    await model.close();
  });

  it("save a pinned prefix that others of the batch keep more of", async () => {
    const [pinned, long] = [sequence(60, 1), joined(sequence(60, 1), sequence(80, 2))];
    // The next cached sequence has only 20 tokens of the pinned prefix, others of its batch all of the long one.
    const texts = [...[1, 2].map((i) => joined(long, sequence(9, i))), joined(pinned.subarray(0, 20), sequence(30, 5))];
    const later = joined(pinned, sequence(12, 7));
    const expected = await alone("f16", kernelOf("f16"), [...texts, later, long]);
    const model = await own("f16", kernelOf("f16"));
    const id = await model.pinPrefix(pinned).promise;
    expect((await model.score([long]).promise)[0]).toBe(expected.at(-1));
    expect([...(await model.score(texts).promise)]).toEqual(expected.slice(0, 3));
    const before = model.computedTokens;
    expect((await model.score([later]).promise)[0]).toBe(expected.at(-2));
    expect(model.computedTokens - before).toBe(12);
    model.unpinPrefix(id);
    await model.close();
  });

  it("leave the others alone when some are cancelled, and the next scores right", async () => {
    const texts = mixedSequences(50, 20);
    const expected = await alone("f16", kernelOf("f16"), texts);
    const model = await own("f16", kernelOf("f16"), { contextWorkers: 2 });
    for (let round = 0; round < 6; round++) {
      const cancelled = model.scoreEach(
        Array.from({ length: 20 }, (_, i) => joined(sequence(400, 77), sequence(200, i))),
      );
      // Those that were done before are not cancelled.
      const outcomes = Promise.allSettled(cancelled.map(({ promise }) => promise));
      await pause(round * 10);
      const wanted = model.scoreEach(texts);
      for (const job of cancelled) job.cancel();
      for (const outcome of await outcomes)
        if (outcome.status === "rejected") expect(outcome.reason.code).toBe("ABORTED");
      expect(await Promise.all(wanted.map(({ promise }) => promise))).toEqual(expected);
    }
    await model.close();
  });
});

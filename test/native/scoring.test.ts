import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadOptions, NativeAddon, NativeModel } from "../../src/native/addon.ts";
import { errorOf, load, loadOptions, makeModel, openAddon, removeFolder, sequence } from "./support.ts";

const LENGTHS = [20, 131, 57, 700, 1, 33, 256, 90, 4, 2048, 19, 58];
const sequences = LENGTHS.map((length, seed) => sequence(length, seed));
/** Lengths unlike those of other tests, all different, none ascending: their order is what is tested. */
const shuffled = [90, 3, 41, 17, 64, 5, 77, 29].map((length, seed) => sequence(length, seed + 100));

/**
 * How far packed scores may be from exact ones. Scores of these sequences differ from each other by far more, so a
 * swapped pair cannot pass.
 */
const PACKED_TOLERANCE = 0.03;

let addon: NativeAddon;
let path: string;
beforeAll(async () => {
  addon = await openAddon();
  path = await makeModel(addon);
});
afterAll(removeFolder);

async function scoresWith(changes: Partial<LoadOptions>, input = sequences, file = path): Promise<number[]> {
  const model = await load(addon, file, changes);
  const scores = await model.score(input).promise;
  await model.close();
  return Array.from(scores);
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));
}

describe("exact mode", () => {
  it("gives bit for bit the same score alone, in company, in any order and after other work", async () => {
    const model = await load(addon, path);
    const together = await model.score(sequences).promise;
    for (const [i, ids] of sequences.entries()) expect((await model.score([ids]).promise)[0]).toBe(together[i]);
    const reversed = await model.score(sequences.toReversed()).promise;
    expect(Array.from(reversed).reverse()).toEqual(Array.from(together));
    await model.close();
    expect(new Set(together).size).toBe(sequences.length);
  });

  it.each<[string, Partial<LoadOptions>]>([
    ["micro-batches of 64", { microBatch: 64 }],
    ["micro-batches of 37", { microBatch: 37 }],
    ["batches of 100", { batchTokens: 100 }],
    ["one big batch", { batchTokens: 4096, microBatch: 2048 }],
    ["a file that is read", { mmap: false }],
    ["two threads", { soloThreads: 2 }],
    ["two workers", { contextWorkers: 2 }],
    ["two workers of two threads, or four", { contextWorkers: 2, workerThreads: 2, soloThreads: 4 }],
    ["nothing shared", { sharePrefixes: false }],
  ])("gives the same bits with %s", async (_, changes) => {
    // Few and short: under load, two threads wait for each other at every node of the graph.
    const few = sequences.slice(0, 3);
    expect(await scoresWith(changes, few)).toEqual((await scoresWith({}, few)).slice());
  });

  it("gives the same bits for a long sequence in many micro-batches", async () => {
    const long = [sequence(2048, 77), sequence(1999, 78)];
    expect(await scoresWith({ microBatch: 128, batchTokens: 256 }, long)).toEqual(await scoresWith({}, long));
  });

  it.each(["q8_0", "q4_k_m"])("is the same alone and in company for %s", async (type) => {
    const file = await makeModel(addon, type);
    const model = await load(addon, file);
    const input = sequences.slice(0, 6);
    const together = await model.score(input).promise;
    for (const [i, ids] of input.entries()) expect((await model.score([ids]).promise)[0]).toBe(together[i]);
    await model.close();
  });

  it("depends on nothing behind a sequence's last token, and on everything before it", async () => {
    const model = await load(addon, path);
    const base = sequence(50, 5);
    const changed = Int32Array.from(base);
    changed[0] = base[0] === 10 ? 11 : 10;
    const [a, b, prefix] = await model.score([base, changed, base.subarray(0, 49)]).promise;
    await model.close();
    expect(a).not.toBe(b);
    expect(a).not.toBe(prefix);
  });
});

describe("packed mode", () => {
  it.each<[string, Partial<LoadOptions>]>([
    ["attention as it is", {}],
    ["flash attention", { flashAttention: true }],
    ["small micro-batches", { microBatch: 16 }],
    ["nothing shared", { sharePrefixes: false }],
  ])("keeps the order of unequal sequences with %s", async (_, changes) => {
    const exact = await scoresWith({}, shuffled);
    const gaps = exact.flatMap((a, i) => exact.slice(i + 1).map((b) => Math.abs(a - b)));
    expect(Math.min(...gaps)).toBeGreaterThan(2e-4);
    const packed = await scoresWith({ maxSequences: 8, batchTokens: 2048, ...changes }, shuffled);
    expect(largestDifference(exact, packed)).toBeLessThan(PACKED_TOLERANCE);
    const order = (scores: number[]) => scores.map((_, i) => i).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
    // Where two scores are closer than the tolerance, rounding may swap them; everywhere else the order must hold.
    for (const [place, i] of order(exact).entries()) {
      const other = order(packed)[place] as number;
      expect(Math.abs((exact[i] as number) - (exact[other] as number))).toBeLessThan(PACKED_TOLERANCE);
    }
  });

  it("gives each sequence the score of its own ids, wherever it stands", async () => {
    const model = await load(addon, path, { maxSequences: 8, batchTokens: 2048 });
    const first = await model.score(shuffled).promise;
    for (let shift = 1; shift < shuffled.length; shift++) {
      const turned = [...shuffled.slice(shift), ...shuffled.slice(0, shift)];
      const scores = await model.score(turned).promise;
      // What is cached already may change the groups, and with them the last digits; sequences differ by far more.
      const own = [...first.slice(shift), ...first.slice(0, shift)];
      expect(largestDifference([...scores], own)).toBeLessThan(PACKED_TOLERANCE);
    }
    await model.close();
  });

  it("handles sequences longer than a batch, more sequences than fit, and equal ones", async () => {
    const mixed = [...sequences, ...sequences.slice(0, 3), ...shuffled];
    const exact = await scoresWith({}, mixed);
    const packed = await scoresWith({ maxSequences: 4, batchTokens: 300 }, mixed);
    expect(largestDifference(exact, packed)).toBeLessThan(PACKED_TOLERANCE);
  });

  it("works with more sequences allowed than tokens in a micro-batch", async () => {
    const changes = { maxSequences: 255, batchTokens: 8, microBatch: 4, contextTokens: 128 };
    const exact = await scoresWith({}, shuffled);
    expect(largestDifference(exact, await scoresWith(changes, shuffled))).toBeLessThan(PACKED_TOLERANCE);
  });
});

describe("input that cannot be scored", () => {
  let model: NativeModel;
  beforeAll(async () => {
    model = await load(addon, path, { contextTokens: 100 });
  });
  afterAll(() => model.close());

  it("tells what the model is", () => {
    expect(model.info).toMatchObject({ architecture: "llama", embeddingLength: 256, layers: 2, contextTokens: 100 });
    expect(model.info.devices).toEqual(["CPU"]);
    expect(model.info.vocabularySize).toBeGreaterThan(300);
  });

  it.each<[string, unknown, string]>([
    ["an empty sequence", [new Int32Array(0)], "RangeError"],
    ["a sequence longer than the context", [sequence(101, 1)], "RangeError"],
    ["a negative id", [Int32Array.of(5, -1)], "RangeError"],
    ["an id beyond the vocabulary", [Int32Array.of(5, 2 ** 31 - 1)], "RangeError"],
    ["another kind of array", [[1, 2, 3]], "TypeError"],
    ["another typed array", [new Float32Array(3)], "TypeError"],
    ["no list", new Int32Array(3), "TypeError"],
    ["nothing", undefined, "TypeError"],
    ["a hole in the list", [Int32Array.of(3), undefined], "TypeError"],
  ])("refuses %s at once", (_, input, name) => {
    expect(() => model.score(input as Int32Array[])).toThrow(expect.objectContaining({ name }));
  });

  it("refuses a detached array and a callback that is none", () => {
    const ids = sequence(3, 1);
    structuredClone(ids.buffer, { transfer: [ids.buffer as ArrayBuffer] });
    expect(() => model.score([ids])).toThrow(RangeError);
    expect(() => model.score([sequence(3, 1)], 5 as never)).toThrow(TypeError);
  });

  it("scores an empty list, the full context and shared memory, and copies at once", async () => {
    expect(await model.score([]).promise).toEqual(new Float32Array(0));
    const full = sequence(100, 1);
    const shared = new Int32Array(new SharedArrayBuffer(400));
    shared.set(full);
    const expected = (await model.score([full]).promise)[0];
    const job = model.score([shared]);
    shared.fill(0);
    expect((await job.promise)[0]).toBe(expected);
  });

  it("reports progress, the last report being complete", async () => {
    const reports: [number, number][] = [];
    const input = Array.from({ length: 300 }, (_, i) => sequence(5, i));
    await model.score(input, (done, tokens) => reports.push([done, tokens])).promise;
    expect(reports.at(-1)).toEqual([300, 1500]);
    expect(reports.every(([done], i) => i === 0 || done > (reports[i - 1] as [number, number])[0])).toBe(true);
  });
});

describe("load options", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["no path", { path: undefined }, "TypeError"],
    ["a path with a NUL", { path: "a\0b" }, "TypeError"],
    ["no context", { contextTokens: 0 }, "RangeError"],
    ["an enormous context", { contextTokens: 2 ** 40 }, "RangeError"],
    ["half a token", { microBatch: 1.5 }, "RangeError"],
    ["NaN threads", { workerThreads: Number.NaN }, "RangeError"],
    ["too many threads", { soloThreads: 100_000 }, "RangeError"],
    ["no worker", { contextWorkers: 0 }, "RangeError"],
    ["too many sequences", { maxSequences: 256 }, "RangeError"],
    ["fewer than no layers", { gpuLayers: -2 }, "RangeError"],
    ["an unknown split mode", { splitMode: "row" }, "RangeError"],
    ["a main device before the first", { mainDevice: -1 }, "RangeError"],
    ["devices that are no names", { devices: [0] }, "TypeError"],
    ["an unknown cache type", { kvType: "q4_0" }, "RangeError"],
    ["no head", { head: undefined }, "TypeError"],
    ["a head that is weights", { head: new Float32Array(256) }, "TypeError"],
    ["a head of numbers", { head: { weight: [1, 2] } }, "TypeError"],
    ["an empty head", { head: { weight: new Float32Array(0) } }, "RangeError"],
    ["a head that is not finite", { head: { weight: Float32Array.of(Number.NaN) } }, "RangeError"],
    ["a bias of text", { head: { ...loadOptions("").head, bias: "1" } }, "TypeError"],
    ["a bias that is not finite", { head: { ...loadOptions("").head, bias: Number.POSITIVE_INFINITY } }, "RangeError"],
    ["a bias too large for float32", { head: { ...loadOptions("").head, bias: 1e39 } }, "RangeError"],
    ["a flag that is none", { mmap: "yes" }, "TypeError"],
  ])("refuses %s at once", (_, changes, name) => {
    expect(() => addon.loadModel({ ...loadOptions(path), ...changes } as LoadOptions)).toThrow(
      expect.objectContaining({ name }),
    );
  });

  it("rejects a head of another width and a file that does not exist, with the reason", async () => {
    const wide = await errorOf(load(addon, path, { head: { weight: new Float32Array(255) } }));
    expect(wide.message).toContain("takes 255 numbers");
    const missing = await errorOf(load(addon, `${path}.none`));
    expect(missing.message).toMatch(/No such file|failed to open|failed to load/);
    expect(missing.code).toBeUndefined();
  });

  it("rejects a device that the runtime does not have, and looks for none without layers on devices", async () => {
    const named = await errorOf(load(addon, path, { gpuLayers: -1, devices: ["CUDA7"] }));
    expect(named.message).toBe("The llama.cpp runtime has no device called CUDA7.");
    await (await load(addon, path, { gpuLayers: 0, devices: ["CUDA7"], mainDevice: 5, splitMode: "none" })).close();
    // Without any graphics processor all layers stay here, as before.
    const model = await load(addon, path, { gpuLayers: -1, splitMode: "layer", mainDevice: 5 });
    expect(model.info.devices).toEqual(["CPU"]);
    await model.close();
  });

  it("rejects a context that the machine has no memory for, saying how much was asked", async () => {
    // Only as much is made as is needed: the model loads, and short sequences can be scored, before and after.
    const model = await load(addon, path, { contextTokens: 2 ** 26, kvType: "f32" });
    const [expected] = await model.score([sequence(9, 1)]).promise;
    const endless = new Int32Array(2 ** 26).fill(5);
    const jobs = model.scoreEach([sequence(9, 1), endless, sequence(9, 1)]);
    expect((await errorOf(jobs[1]?.promise as Promise<unknown>)).message).toMatch(
      /Not enough memory for a context of 67108864 tokens .* needs \d+ MiB, and this machine has \d+ MiB/,
    );
    for (const job of [jobs[0], jobs[2]]) expect(await job?.promise).toBe(expected);
    await model.close();
  });

  it("rejects a score that is not finite, and goes on", async () => {
    const model = await load(addon, path, { head: { weight: new Float32Array(256).fill(3e38) } });
    expect((await errorOf(model.score([sequence(9, 1)]).promise)).message).toContain("not a finite number");
    await model.close();
  });

  it("reports progress up to 1 while loading", async () => {
    const reports: number[] = [];
    const model = await addon.loadModel(loadOptions(path), (fraction) => reports.push(fraction)).promise;
    await model.close();
    expect(reports.at(-1)).toBe(1);
    expect(reports).toEqual(reports.toSorted((a, b) => a - b));
  });
});

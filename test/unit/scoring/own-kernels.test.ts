/** Which findings of the check make a kernel of ours multiply a model's weights, and what is said where none does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KernelFinding } from "../../../src/native/addon.ts";
import type { CheckKernels } from "../../../src/scoring/kernel-findings.ts";
import * as ownKernels from "../../../src/scoring/own-kernels.ts";

let { planOwnKernels } = ownKernels;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-own-kernels-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const good: KernelFinding = { buffer: "avx2", multiple: 1, gain: 1.5 };
const attention: KernelFinding = { buffer: "avx2", multiple: 1 };
const none: KernelFinding = { buffer: "", multiple: 0 };
/** Two matrices of one type and row length, and one of another. */
const samples = [
  { type: 8, typeName: "q8_0", columns: 256, rows: 256 },
  { type: 8, typeName: "q8_0", columns: 256, rows: 100 },
  { type: 1, typeName: "f16", columns: 256, rows: 256 },
];

function plan(
  check: CheckKernels | string,
  { threads = 1, paddingToken = -1, cpuLibrary = undefined as string | undefined } = {},
) {
  const question = {
    path: "model.gguf",
    samples,
    plan: { soloThreads: threads, batchMode: "exact", gpuLayers: 0, kvType: "f16", paddingToken },
    shape: { layers: 1, heads: 4, keyValueHeads: 2, headDim: 64 },
    runtime: { cpuLibrary },
  };
  return planOwnKernels(question as unknown as Parameters<typeof ownKernels.planOwnKernels>[0], check, folder);
}
const planOf = (...findings: KernelFinding[]) => plan(async () => findings);

it("multiplies all weights that it gains with, and attends", async () => {
  const own = await planOf(good, { ...good, gain: 1.234 }, { ...good, buffer: "avx512", gain: 1.1 }, attention);
  expect(own.prefillWeights).toEqual([
    { type: 8, columns: 256, kernel: "avx2" },
    { type: 1, columns: 256, kernel: "avx512" },
  ]);
  expect(own.kernels).toEqual([
    { type: "q8_0", columns: 256, kernel: "starling avx2", gain: 1.23 },
    { type: "f16", columns: 256, kernel: "starling avx512", gain: 1.1 },
    { type: "attention", columns: 64, kernel: "starling avx2" },
  ]);
  expect([...own.taken]).toEqual([0, 1, 2]);
  expect(own).toMatchObject({ prefillAttention: true, reasons: [] });
  expect(own.prefillReason).toBeUndefined();
});

describe("leaves to llama.cpp's kernels", () => {
  const wrong = { buffer: "avx2", multiple: 0, problem: "are off by up to 1" };
  it.each([
    ["what gains too little", { ...good, gain: 1.09 }],
    ["what was not timed", attention],
    ["what is not the same in any batch", { ...good, multiple: 0 }],
    ["what it does not take", none],
    ["what it multiplies wrongly", wrong],
  ])("%s, and all weights of that type and row length", async (_what, finding) => {
    const own = await planOf(good, finding, good, attention);
    expect(own.prefillWeights).toEqual([{ type: 1, columns: 256, kernel: "avx2" }]);
    expect([...own.taken]).toEqual([2]);
    expect(own.prefillReason).toBeUndefined();
  });

  it("wrong attention, and says so", async () => {
    const own = await planOf(good, good, good, wrong);
    expect(own.prefillAttention).toBe(false);
    expect(own.kernels.map(({ type }) => type)).toEqual(["q8_0", "f16"]);
    expect(own.reasons).toEqual([
      "Our own kernel avx2 is not used: its products of f16 keys and values in heads of 64 values are off by up to 1.",
    ]);
  });

  it("attention whose scores are read at the end of padding", async () => {
    const own = await plan(
      async ({ attention: asked }) => {
        expect(asked).toEqual([]);
        return [good, good, good];
      },
      { paddingToken: 0 },
    );
    expect(own.prefillAttention).toBe(false);
  });

  it.each([
    ["they take none of the model's weight types", [none, none, none]],
    ["they are not faster than llama.cpp's for these weights", [none, none, { ...good, gain: 1 }]],
    ["they do not multiply these weights rightly", [none, none, wrong]],
    ["they do not multiply these weights rightly", [none, none, { ...good, multiple: 0 }]],
  ])("everything: %s", async (reason, findings) => {
    expect((await planOf(...findings, none)).prefillReason).toBe(reason);
  });

  it("everything where they are not wanted, or cannot be tried", async () => {
    expect(await plan("they are not wanted")).toMatchObject({
      prefillReason: "they are not wanted",
      prefillWeights: [],
    });
    const failing = async () => Promise.reject(new Error("no memory"));
    expect((await plan(failing)).prefillReason).toBe("they could not be tried: no memory");
  });
});

it("keeps its choice at any number of threads, until a fresh one is asked for", async () => {
  const cpuLibrary = join(folder, "libggml-cpu.so");
  writeFileSync(cpuLibrary, "");
  let gain = 2;
  const check = async () => [good, good, { ...good, gain }, attention];
  const taken = async (threads: number) => [...(await plan(check, { threads, cpuLibrary })).taken];
  expect(await taken(1)).toEqual([0, 1, 2]);
  gain = 1;
  expect(await taken(8)).toEqual([0, 1, 2]);
  // As in another process.
  vi.resetModules();
  ({ planOwnKernels } = await import("../../../src/scoring/own-kernels.ts"));
  expect(await taken(8)).toEqual([0, 1, 2]);
  vi.stubEnv("STARLING_RM_PROBE", "fresh");
  vi.resetModules();
  ({ planOwnKernels } = await import("../../../src/scoring/own-kernels.ts"));
  expect(await taken(8)).toEqual([0, 1]);
  gain = 2;
  expect(await taken(1)).toEqual([0, 1]);
});

it("chooses as the first process did, when several measure at once", async () => {
  const cpuLibrary = join(folder, "libggml-cpu.so");
  writeFileSync(cpuLibrary, "");
  const measured = (gain: number) => plan(async () => [good, good, { ...good, gain }, attention], { cpuLibrary });
  const [one, other] = await Promise.all([measured(2), measured(1)]);
  expect(one.taken).toEqual(other.taken);
  expect((await measured(1)).taken).toEqual(one.taken);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { freemem, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/native/engine.ts";
import { availableMemory } from "../../../src/scoring/available-memory.ts";
import { workerLayout } from "../../../src/scoring/backend-defaults.ts";
import { assertFits, memoryNeed } from "../../../src/scoring/memory.ts";

const MEBIBYTE = 1024 ** 2;
const shape = {
  layers: 22,
  contextLength: 2048,
  embeddingLength: 2048,
  feedForwardLength: 5632,
  heads: 32,
  keyValueHeads: 4,
  headDim: 64,
  vocabularySize: 32_000,
};
const settings = {
  contextTokens: 2048,
  batchTokens: 512,
  microBatch: 256,
  maxSequences: 1,
  contextWorkers: 1,
  kvType: "f32",
  flashAttention: false,
} as const;

describe("memoryNeed", () => {
  it("is what a 1.1B model takes", () => {
    const need = memoryNeed(shape, 601 * MEBIBYTE, settings, "cpu");
    // 22 layers x 2048 cells x (4 heads x 64) keys and values of 4 bytes.
    expect(need.keyValue).toBe(22 * 2048 * 2 * 256 * 4);
    // Measured: two such context workers took 348 MiB beside the weights.
    expect((2 * (need.keyValue + need.compute)) / MEBIBYTE).toBeCloseTo(351, -1);
    expect(need.total).toBe(need.weights + need.keyValue + need.compute);
  });

  it("counts cells in steps, each context worker, and the batch beside the longest sequence", () => {
    const keyValue = (changes: object, backend: Backend = "cpu") =>
      memoryNeed(shape, 0, { ...settings, ...changes }, backend).keyValue;
    expect(keyValue({ contextTokens: 1 })).toBe(keyValue({ contextTokens: 256 }));
    expect(keyValue({ contextWorkers: 3 })).toBe(3 * keyValue({}));
    expect(keyValue({ kvType: "f16" })).toBe(keyValue({}) / 2);
    expect(keyValue({ maxSequences: 32 }, "cuda")).toBe(keyValue({ contextTokens: 2048 + 512 }));
    // The CPU moves keys and values of as many tokens.
    expect(keyValue({ maxSequences: 32 })).toBe(keyValue({ contextTokens: 2048 + 2 * 512 }));
  });
});

describe("assertFits", () => {
  const need = memoryNeed(shape, 601 * MEBIBYTE, settings, "cpu");
  it("accepts what fits, and what cannot be known", () => {
    assertFits("a.gguf", need, need.total, 2048);
    assertFits("a.gguf", need, undefined, 2048);
  });

  it("refuses with both numbers and what to do", () => {
    const refuse = (available: number) => () => assertFits("a.gguf", need, available, 2048);
    expect(refuse(640 * MEBIBYTE)).toThrow(
      /^a\.gguf needs \d{3} MiB of memory \(weights \d{3} MiB, .*\), but this machine has 640 MiB free\. Load it with fewer context tokens than 2048/,
    );
    expect(refuse(100)).toThrow("Use a smaller quantisation, or close other programs.");
    expect(refuse(100)).toThrow(expect.objectContaining({ code: "ERR_OUT_OF_MEMORY", file: "a.gguf" }));
  });
});

describe("availableMemory", () => {
  const folder = mkdtempSync(join(tmpdir(), "starling-rm-memory-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let roots = 0;
  const system = (files: Record<string, string>) => {
    const root = join(folder, `${roots++}`);
    for (const [name, content] of Object.entries({ "proc/meminfo": "MemAvailable:    1000 kB\n", ...files })) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    return availableMemory("linux", root);
  };

  it("is what the kernel says is available", () => {
    expect(system({})).toBe(1000 * 1024);
    expect(system({ "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n" })).toBe(1000 * 1024);
    expect(system({ "proc/meminfo": "MemTotal: 5 kB\n" })).toBeUndefined();
  });

  it("is bounded by every control group, in which file cache counts as free", () => {
    const group = (name: string, max: string, current: number, cache: number) => ({
      [`sys/fs/cgroup${name}/memory.max`]: max,
      [`sys/fs/cgroup${name}/memory.current`]: `${current}\n`,
      [`sys/fs/cgroup${name}/memory.stat`]: `anon 5\nactive_file ${cache}\ninactive_file ${cache}\n`,
    });
    const self = { "proc/self/cgroup": "0::/a/b\n" };
    expect(system({ ...self, ...group("/a/b", "9000", 8000, 100) })).toBe(1200);
    expect(system({ ...self, ...group("/a/b", "max", 8000, 0), ...group("/a", "5000", 4000, 0) })).toBe(1000);
    expect(system({ ...self, ...group("/a/b", "5000", 6000, 0) })).toBe(0);
  });

  it("knows version 1 of control groups", () => {
    const memory = "sys/fs/cgroup/memory/x";
    const files = {
      "proc/self/cgroup": "3:cpu,cpuacct:/x\n2:memory:/x\n",
      [`${memory}/memory.limit_in_bytes`]: "7000",
      [`${memory}/memory.usage_in_bytes`]: "5000",
      [`${memory}/memory.stat`]: "total_inactive_file 10\ntotal_active_file 20\n",
    };
    expect(system(files)).toBe(2030);
  });

  it("has its own answer for each system; on a Mac without vm_stat, all memory", () => {
    expect(availableMemory("darwin")).toBe(totalmem());
    expect(Math.abs((availableMemory("win32") ?? 0) - freemem())).toBeLessThan(2 ** 30);
  });
});

describe("workerLayout", () => {
  it.each([
    [3e6, 2, { contextWorkers: 2, workerThreads: 1, soloThreads: 1 }],
    [1.1e9, 2, { contextWorkers: 2, workerThreads: 1, soloThreads: 2 }],
    [1.1e9, 1, { contextWorkers: 1, workerThreads: 1, soloThreads: 1 }],
    [7e9, 8, { contextWorkers: 1, workerThreads: 7, soloThreads: 8 }],
    [7e9, 16, { contextWorkers: 2, workerThreads: 7, soloThreads: 16 }],
    [34e9, 12, { contextWorkers: 1, workerThreads: 12, soloThreads: 12 }],
    [3e6, 64, { contextWorkers: 8, workerThreads: 1, soloThreads: 1 }],
  ])("spreads the threads of a model of %d parameters over %i cores", (parameters, threads, expected) => {
    expect(workerLayout(parameters, threads, "exact")).toEqual(expected);
    expect(workerLayout(parameters, threads, "packed").contextWorkers).toBe(1);
  });
});

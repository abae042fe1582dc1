/** Which weights our own kernels multiply, by what was found of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import type { KernelFinding } from "../../../src/native/addon.ts";
import type { CheckKernels } from "../../../src/scoring/kernel-findings.ts";
import { planOwnKernels } from "../../../src/scoring/own-kernels.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-own-kernels-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cpuLibrary = join(folder, "libggml-cpu.so");
writeFileSync(cpuLibrary, "");
let memory = "";
let count = 0;
beforeEach(() => {
  memory = join(folder, `memory-${++count}`);
});

const Q8_0 = 8;
const sample = (name: string, rows: number) => ({ name, typeName: "q8_0", type: Q8_0, columns: 64, rows, position: 0 });
const question = (soloThreads: number) =>
  ({
    path: "model.gguf",
    samples: [sample("blk.0.attn_q.weight", 64), sample("blk.0.attn_k.weight", 8)],
    plan: { soloThreads, batchMode: "exact", gpuLayers: 0, kvType: "f16", paddingToken: -1 },
    shape: { layers: 1, heads: 2, keyValueHeads: 1, headDim: 32 },
    runtime: { cpuLibrary, cpuFeatures: [] },
  }) as unknown as Parameters<typeof planOwnKernels>[0];
const good = (buffer: string, gain = 2): KernelFinding => ({ buffer, multiple: 1, gain });

it("one kernel must be found good for every shape that it would multiply", async () => {
  const check: CheckKernels = async () => [good("avx512-vnni"), good("avx2"), good("avx2")];
  const { prefillWeights, taken } = await planOwnKernels(question(1), check, memory);
  expect(prefillWeights).toEqual([]);
  expect(taken.size).toBe(0);
});

it("the choice is timed once, whatever the number of threads, also where nothing can be kept", async () => {
  let asked = 0;
  // The second time it would be another.
  const check: CheckKernels = async () => {
    const gain = asked++ === 0 ? 2 : 1;
    return [good("avx2", gain), good("avx2", gain), good("avx2")];
  };
  // A file is where the folder would be.
  writeFileSync(join(folder, "file"), "");
  for (const place of [memory, join(folder, "file")]) {
    asked = 0;
    for (const threads of [1, 2, 8]) {
      const { prefillWeights } = await planOwnKernels(question(threads), check, place);
      expect(prefillWeights).toEqual([{ type: Q8_0, columns: 64, kernel: "avx2" }]);
    }
    expect(asked).toBe(1);
  }
});

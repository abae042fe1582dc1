import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { KernelFinding } from "../../../src/native/addon.ts";
import { planKernels } from "../../../src/scoring/kernel-plan.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-kernels-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("what was found with the weights of a damaged file is not held against a sound one of the same shapes", async () => {
  const file = (name: string) => {
    const path = join(folder, name);
    writeFileSync(path, name);
    return path;
  };
  const [damaged, sound, cpuLibrary] = [file("damaged.gguf"), file("sound.gguf"), file("libggml-cpu.so")];
  const finding = { buffer: "CPU", multiple: 4 };
  const asked: string[] = [];
  const plan = (path: string, cpuFeatures = ["DOTPROD"]) =>
    planKernels(
      {
        path,
        samples: [{ name: "blk.0.attn_q.weight", typeName: "f32", type: 0, columns: 32, rows: 32, position: 0 }],
        plan: { soloThreads: 1, batchMode: "exact", gpuLayers: 0, kvType: "f32" },
        shape: { layers: 1, heads: 1, keyValueHeads: 1, headDim: 32 },
        runtime: { cpuLibrary, cpuFeatures },
      } as unknown as Parameters<typeof planKernels>[0],
      {
        own: "they are not wanted",
        stock: async () => {
          asked.push(path);
          // Of the weights, and of keys and values.
          return [
            path === damaged ? { ...finding, problem: "are not finite numbers" } : finding,
            finding,
          ] as KernelFinding[];
        },
      },
      join(folder, "memory"),
    );
  await expect(plan(damaged)).rejects.toMatchObject({ code: "ERR_RUNTIME_UNUSABLE" });
  await expect(plan(sound)).resolves.toMatchObject({ repacked: true });
  const before = asked.length;
  await expect(plan(sound)).resolves.toMatchObject({ repacked: true });
  expect(asked).toHaveLength(before);
  // The same library where it sees another processor: an emulator need not show that one to us.
  await plan(sound, ["DOTPROD", "SVE_CNT=32"]);
  expect(asked).toHaveLength(before + 1);
});

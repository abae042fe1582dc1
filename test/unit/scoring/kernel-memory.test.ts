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
  const plan = (path: string) =>
    planKernels(
      {
        path,
        samples: [{ name: "blk.0.attn_q.weight", typeName: "f32", type: 0, columns: 32, rows: 32, position: 0 }],
        plan: { threads: 1, batchMode: "exact", gpuLayers: 0 },
        layers: 1,
        runtime: { cpuLibrary },
      } as unknown as Parameters<typeof planKernels>[0],
      async () => {
        asked.push(path);
        return [path === damaged ? { ...finding, problem: "are not finite numbers" } : finding] as KernelFinding[];
      },
      join(folder, "memory"),
    );
  await expect(plan(damaged)).rejects.toMatchObject({ code: "ERR_RUNTIME_UNUSABLE" });
  await expect(plan(sound)).resolves.toMatchObject({ repacked: true });
  const before = asked.length;
  await expect(plan(sound)).resolves.toMatchObject({ repacked: true });
  expect(asked).toHaveLength(before);
});

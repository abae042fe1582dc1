/**
 * A BLAS library in the runtime folder, as in the packages for macOS (Accelerate): llama.cpp gives it every product of 32 rows
 * or more, so that a score would depend on the batch. It must not be used. The library is llama.cpp's own, over a plain sgemm.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuildError, extractLlama, missingTools } from "../../scripts/build-addon.mjs";
import { convert } from "../../src/entry/convert.ts";
import { type LoadRewardModelOptions, loadRewardModel, type ScoreItem } from "../../src/index.ts";
import { openEngine } from "../../src/native/engine.ts";
import { findRuntime, RUNTIME_VARIABLE } from "../../src/native/runtime-folder.ts";
import { packageRoot } from "../../src/package-info.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-blas-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const canBuild = process.platform === "linux" && missingTools().length === 0;
if (!canBuild) console.warn("llama.cpp's BLAS backend is not built: it needs Linux and a C++ compiler.");

/** From 5 tokens to 70: below and above the 32 rows from which on BLAS multiplies. */
const items: ScoreItem[] = Array.from({ length: 14 }, (_, i) => ({
  text: `Why ${2000 + i}${", and the starling sang".repeat(i)}?`,
}));

function buildBlas(output: string): void {
  const source = extractLlama(join(packageRoot(), "build", "llama-blas"), [
    "ggml/include",
    "ggml/src/*.h",
    "ggml/src/ggml-blas",
  ]);
  const includes = ["ggml/include", "ggml/src"].map((path) => `-I${join(source, path)}`);
  const own = join(packageRoot(), "test", "native", "blas-library");
  const file = join(source, "ggml", "src", "ggml-blas", "ggml-blas.cpp");
  // As GGML_BACKEND_DL builds it, so that it is found in the folder.
  const flags = ["-std=c++17", "-O1", "-shared", "-fPIC", "-w", "-DGGML_BACKEND_DL", "-DGGML_BACKEND_SHARED"];
  const names = ["-DGGML_BACKEND_BUILD", ...includes, `-I${own}`];
  const libraries = [findRuntime("cpu").ggmlBase, "-Wl,-rpath,$ORIGIN"];
  const compiler = process.env["CXX"] ?? "c++";
  const built = spawnSync(compiler, [...flags, ...names, file, "-o", output, ...libraries], { encoding: "utf8" });
  if (built.status !== 0) throw new BuildError(built.stderr);
}

describe.runIf(canBuild)("with a BLAS library in the runtime folder", () => {
  const original = { ...process.env };
  beforeAll(() => {
    const runtime = join(folder, "runtime");
    mkdirSync(runtime);
    const installed = findRuntime("cpu").folder;
    for (const name of readdirSync(installed)) symlinkSync(join(installed, name), join(runtime, name));
    buildBlas(join(runtime, "libggml-blas.so"));
    process.env[RUNTIME_VARIABLE] = runtime;
  });
  afterAll(() => {
    process.env = original;
  });

  it("no device but the processor is there to compute on", async () => {
    const { runtimeInfo } = await openEngine({ gpu: "off" });
    expect(runtimeInfo.folder).toBe(join(folder, "runtime"));
    expect(runtimeInfo.devices.map(({ type }) => type)).toEqual(["cpu"]);
  });

  it.each(["f32", "f16", "q8_0", "q4_0"])("scores of %s are the same bits in any batch", async (type) => {
    const path = join(folder, `${type}.gguf`);
    await convert({ checkpoint: join(packageRoot(), "models", "starling-rm-tiny"), output: path, type });
    const scoresOf = async (chosen: readonly ScoreItem[], options: Partial<LoadRewardModelOptions> = {}) => {
      await using model = await loadRewardModel({ modelPath: path, gpu: "off", batchMode: "exact", ...options });
      return (await model.score(chosen)).map(({ score }) => score);
    };
    const together = await scoresOf(items);
    expect(await scoresOf(items, { batchTokens: 12 })).toEqual(together);
    expect(await scoresOf(items, { sharePrefixes: false })).toEqual(together);
    expect((await scoresOf(items.toReversed())).toReversed()).toEqual(together);
  });
});

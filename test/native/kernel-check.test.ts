/**
 * A CPU library that multiplies wrongly, differently each time, or depending on company is found before a model is scored with
 * it. The faults are planted (faulty-library/faulty_cpu.cpp).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BuildError, extractLlama, missingTools } from "../../scripts/build-addon.mjs";
import { convert } from "../../src/entry/convert.ts";
import { isStarlingError, loadRewardModel, type ScoreItem } from "../../src/index.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { findRuntime, RUNTIME_VARIABLE } from "../../src/native/runtime-folder.ts";
import { packageRoot } from "../../src/package-info.ts";
import { allVariants, runtimeWith } from "../variants.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-kernels-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const canBuild = process.platform === "linux" && missingTools().length === 0;
if (!canBuild) console.warn("The kernel check's faulty library is not built: it needs Linux and a C++ compiler.");

/** llama.cpp repacks q4_0 where the processor has AVX2 or NEON; on others there is nothing to pass over. */
const repacking = async () => {
  const variants = await allVariants(join(folder, "variants"));
  const chosen = variants.find(({ name, problem }) => name === "haswell" && problem === undefined);
  return chosen ?? variants.find(({ problem }) => problem === undefined);
};

// Of llama.cpp's kernels; our own are not for a library with faults.
const settings = { gpu: "off", threads: 2, batchMode: "exact", kernels: "off" } as const;
/** They begin alike, so that what is computed for one depends on how far another got. */
const items: ScoreItem[] = Array.from({ length: 12 }, (_, i) => ({
  text: `Why do starlings sing so often and so loudly in May${" and June".repeat(i)}, ${2000 + i}?`,
}));

describe.runIf(canBuild)("a CPU library", () => {
  let q4 = "";
  let f16 = "";
  let cache = 0;
  const original = { ...process.env };

  beforeAll(async () => {
    const source = extractLlama(join(packageRoot(), "build", "llama-backend-headers"), [
      "ggml/include",
      "ggml/src/*.h",
    ]);
    const real = await repacking();
    const library = join(folder, "libggml-cpu-faulty.so");
    const compiler = process.env["CXX"] ?? "c++";
    const file = join(packageRoot(), "test", "native", "faulty-library", "faulty_cpu.cpp");
    const includes = [`-I${join(source, "ggml", "include")}`, `-I${join(source, "ggml", "src")}`];
    const flags = ["-std=c++17", "-O1", "-shared", "-fPIC", "-w", ...includes, file, "-o", library, "-ldl"];
    const built = spawnSync(compiler, flags, { encoding: "utf8" });
    if (built.status !== 0) throw new BuildError(built.stderr);
    process.env["STARLING_TEST_CPU_LIBRARY"] = join(real?.folder ?? "", `libggml-cpu-${real?.name}.so`);
    process.env[RUNTIME_VARIABLE] = runtimeWith(library, join(folder, "faulty"));
    q4 = join(folder, "q4_0.gguf");
    f16 = join(folder, "f16.gguf");
    const checkpoint = join(packageRoot(), "test", "fixtures", "checkpoints", "adversarial-prefix");
    await convert({ checkpoint, output: q4, type: "q4_0" });
    await convert({ checkpoint, output: f16, type: "f16" });
  });
  afterEach(() => {
    delete process.env["STARLING_TEST_FAULT"];
  });
  afterAll(() => {
    process.env = original;
  });

  /** What is remembered belongs to a library file; a test plants several faults in one. */
  const loadWith = async (fault: string, path = q4, keepCache = false) => {
    if (!keepCache) cache += 1;
    process.env["XDG_CACHE_HOME"] = join(folder, `cache-${cache}`);
    if (fault === "") delete process.env["STARLING_TEST_FAULT"];
    else process.env["STARLING_TEST_FAULT"] = fault;
    return loadRewardModel({ modelPath: path, ...settings });
  };
  const scoresWith = async (fault: string, chosen = items) => {
    await using model = await loadWith(fault);
    return { scores: (await model.score(chosen)).map(({ score }) => score), info: model.info };
  };

  it("that is sound is used as llama.cpp would, and named", async () => {
    const { info } = await scoresWith("");
    expect(info.kernelReasons).toEqual([]);
    expect(info.kernels.map(({ type, columns }) => [type, columns])).toEqual([
      ["q4_0", 32],
      ["q4_0", 64],
    ]);
    expect(info.kernels.every(({ kernel }) => kernel === "CPU_REPACK")).toBe(true);
    expect(info.cpuLibrary).toMatch(/libggml-cpu-.+\.so$/);
  });

  it.each([
    ["stale", /are not finite numbers/],
    ["off-repacked", /are off by up to 0\.\d+/],
    ["company-repacked", undefined],
  ])("whose repacked weights are %s multiplies them as they are, or fills up further", async (fault, reason) => {
    const sound = await scoresWith("");
    const { scores, info } = await scoresWith(fault);
    expect(scores.every(Number.isFinite)).toBe(true);
    if (reason === undefined) expect(info.kernelReasons).toEqual([]);
    else {
      expect(info.kernelReasons[0]).toMatch(reason);
      expect(info.kernelReasons[0]).toMatch(/^The kernel CPU_REPACK of libggml-cpu-\w+\.so is not used: .*q4_0/);
      expect(info.kernels.map(({ kernel }) => kernel)).toEqual(["CPU", "CPU"]);
    }
    // The same bits in the second pass, and no farther from the sound library's than two kernels are apart.
    const again = await scoresWith(fault);
    expect(again.scores).toEqual(scores);
    for (const [i, score] of scores.entries()) expect(Math.abs(score - (sound.scores[i] as number))).toBeLessThan(0.2);
  });

  it.each(["company", "attention"])(
    "that rounds the rows left over of eight, or fewer than eight, differently is exact all the same (%s)",
    async (fault) => {
      const { scores, info } = await scoresWith(fault);
      expect(info.batchMode).toBe("exact");
      for (const [i, item] of items.entries()) {
        const alone = await scoresWith(fault, [item]);
        expect(alone.scores[0]).toBe(scores[i]);
      }
    },
  );

  it.each([
    ["never-exact", "q4_0 weights in rows of 32 values"],
    ["attention-never-exact", "f32 keys and values in heads of 16 values"],
  ])("that is never exact is not called exact, and says why (%s)", async (fault, what) => {
    const { info } = await scoresWith(fault);
    expect(info.batchMode).toBe("single");
    expect(info.kernelReasons[0]).toMatch(/^Scores may change in their last digits with the batch/);
    expect(info.kernelReasons[0]).toContain(what);
  });

  it("that multiplies wrongly whatever it is told is refused, for these weights", async () => {
    const error = await loadWith("off").then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(isStarlingError(error) && error.code).toBe("ERR_RUNTIME_UNUSABLE");
    expect((error as Error).message).toMatch(
      /q4_0\.gguf cannot be scored on this CPU: libggml-cpu-\w+\.so multiplies q4_0/,
    );
    await using other = await loadWith("off", f16);
    expect(other.info.kernelReasons).toEqual([]);
  });

  it("is tried once for each shape, and remembered", async () => {
    const first = await loadWith("stale");
    await first.close();
    const second = await loadWith("", q4, true);
    expect(second.info.kernelReasons).toEqual(first.info.kernelReasons);
    await second.close();
  });
});

it("multiplies nothing for wrong arguments", async () => {
  const addon = loadAddon();
  if (addon.currentRuntime() === undefined) await addon.openRuntime(findRuntime("cpu"));
  const options = { path: "/nowhere.gguf", attention: [], threads: 1, repacked: true, prefill: false };
  const sample = { type: 2, columns: 64, rows: 4, position: 0 };
  const call = (samples: unknown) => addon.checkKernels({ ...options, samples } as never);
  expect(() => call(undefined)).toThrow(/Expected an array for options.samples/);
  expect(() => call([1])).toThrow(/Expected an object for options.samples\[0\]/);
  expect(() => call([{ ...sample, type: 99 }])).toThrow(/options.samples\[0\].type/);
  expect(() => call([{ ...sample, type: 4 }])).toThrow(/no whole blocks/);
  expect(() => call([{ ...sample, columns: 33 }])).toThrow(/no whole blocks/);
  expect(() => call([{ ...sample, columns: 2 ** 40 }])).toThrow(/options.samples\[0\].columns/);
  expect(() => call([{ ...sample, position: -1 }])).toThrow(/options.samples\[0\].position/);
  const attention = { type: 1, headLength: 64, heads: 8, keyValueHeads: 2 };
  const attend = (wrong: object) =>
    addon.checkKernels({ ...options, samples: [], attention: [{ ...attention, ...wrong }] });
  expect(() => attend({ type: 2 })).toThrow(/options.attention\[0\].type/);
  expect(() => attend({ headLength: 2 ** 40 })).toThrow(/options.attention\[0\].headLength/);
  expect(() => attend({ keyValueHeads: 3 })).toThrow(/not a multiple of the key-value heads/);
  await expect(attend({})).resolves.toMatchObject([{ buffer: "CPU" }]);
  await expect(call([sample])).rejects.toThrow(/could not be read/);
  await expect(call([])).resolves.toEqual([]);
});

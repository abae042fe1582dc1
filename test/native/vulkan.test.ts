/**
 * A GPU backend from the probe to the score, on Mesa's driver that computes on the processor: the only one that a machine
 * without a GPU can have. Skipped where it is not installed (Debian: mesa-vulkan-drivers, libvulkan1).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedModelPath } from "../../src/model-path.ts";
import { isSoftware } from "../../src/native/devices.ts";
import { openEngine } from "../../src/native/engine.ts";
import { findRuntime, hasRuntime } from "../../src/native/runtime-folder.ts";
import { loadRewardModel } from "../../src/scoring/load-reward-model.ts";
import type { LoadRewardModelOptions } from "../../src/scoring/types.ts";
import { errorOf, folder, loadOptions, removeFolder } from "./support.ts";

const ICD = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
const installed = process.platform === "linux" && hasRuntime("vulkan") && existsSync(ICD);
/** The first time the driver compiles every shader: a minute on two busy cores. */
const COMPILING_MS = 400_000;
/** Vulkan computes in float16 where the CPU does not; scores of this model spread over about 5. */
const TOLERANCE = 0.1;

const items = [
  { prompt: "What is the capital of France?", response: "Paris." },
  { prompt: "What is the capital of France?", response: "I do not know." },
  { text: "plain text of some length, which is scored as it is" },
];
let path: string;

async function scores(options: Omit<LoadRewardModelOptions, "modelPath">) {
  await using model = await loadRewardModel({ modelPath: path, threads: 1, ...options });
  return { info: model.info, scores: (await model.score(items)).map(({ score }) => score) };
}

describe.runIf(installed)("Vulkan on the processor (needs Mesa's lavapipe)", () => {
  beforeAll(async () => {
    process.env["VK_DRIVER_FILES"] = ICD;
    // llama.cpp passes over drivers of this kind unless they are named.
    process.env["GGML_VK_VISIBLE_DEVICES"] = "0";
    process.env["STARLING_RM_CACHE"] = join(folder, "cache");
    path = await embeddedModelPath();
  });
  afterAll(removeFolder);

  it(
    "is opened when it is asked for, after it computed what it should in a child",
    async () => {
      const engine = await openEngine({ gpu: "vulkan" });
      expect(engine).toMatchObject({ backend: "vulkan", runtimeInfo: { folder: findRuntime("vulkan").folder } });
      expect(engine.devices.map(isSoftware)).toEqual([true]);
      expect(await engine.addon.checkDevices()).toEqual(engine.devices.map(({ name }) => ({ name })));
    },
    COMPILING_MS,
  );

  it("is not what auto takes, also of a runtime that is open", async () => {
    const { backend, reasons } = await openEngine({ gpu: "auto" });
    expect(backend).toBe("cpu");
    expect(reasons.map((reason) => reason.backend)).toEqual(["cuda", "vulkan"]);
  });

  it(
    "scores as the CPU does, with any number of layers on the device",
    async () => {
      const cpu = await scores({ gpu: "off" });
      expect(cpu.info).toMatchObject({ backend: "cpu", gpuLayers: 0, devices: ["CPU"] });
      const all = cpu.info.layers;
      for (const [options, layers, devices] of [
        [{}, all, ["Vulkan0"]],
        [{ gpuLayers: "all", splitMode: "none" }, all, ["Vulkan0"]],
        [{ gpuLayers: 2, mainDevice: 0 }, 1, ["Vulkan0", "CPU"]],
      ] as const) {
        const gpu = await scores({ gpu: "vulkan", ...options });
        expect(gpu.info).toMatchObject({ backend: "vulkan", gpuLayers: layers, devices });
        for (const [i, score] of gpu.scores.entries())
          expect(Math.abs(score - (cpu.scores[i] as number))).toBeLessThan(TOLERANCE);
      }
      expect((await scores({ gpu: "vulkan", gpuLayers: 0 })).info).toMatchObject({ backend: "cpu", devices: ["CPU"] });
    },
    COMPILING_MS,
  );

  it("has no second device", async () => {
    expect(await errorOf(scores({ gpu: "vulkan", mainDevice: 1 }))).toMatchObject({ field: "mainDevice" });
    const { addon } = await openEngine({ gpu: "vulkan" });
    const beyond = addon.loadModel(loadOptions(path, { gpuLayers: -1, mainDevice: 1 })).promise;
    expect((await errorOf(beyond)).message).toBe(
      "The main device 1 does not exist: there are 1 devices, counted from 0.",
    );
  });
});

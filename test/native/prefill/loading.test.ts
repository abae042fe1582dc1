/** Models with our own kernels: what `info` says, two at once with and without them, many one after the other, cancelling. */
import { describe, expect, it } from "vitest";
import { embeddedModelPath, type LoadRewardModelOptions, loadRewardModel, type ScoreItem } from "../../../src/index.ts";
import { loadAddon } from "../../../src/native/load-addon.ts";

// All that this processor has, whether a loaded machine sees them gain or not.
process.env["STARLING_RM_KERNELS"] = "amx-bf16";
const { gemm } = loadAddon().prefillKernels();
if (gemm.length === 0) console.warn("Our own kernels are not tested: this processor or platform has none.");

const items: ScoreItem[] = Array.from({ length: 12 }, (_, i) => ({
  prompt: `Why do starlings sing${" so".repeat(i)} loudly?`,
  response: `Because it is May, ${2000 + i}.`,
}));
const open = async (type: string, options: Partial<LoadRewardModelOptions> = {}) =>
  loadRewardModel({ modelPath: await embeddedModelPath({ type }), gpu: "off", threads: 2, ...options });
const scoresOf = async (model: Awaited<ReturnType<typeof open>>) =>
  (await model.score(items)).map(({ score }) => score);

describe.runIf(gemm.length > 0)("our own kernels", () => {
  it("are named in info, and left out by the option", async () => {
    const [own, stock] = [await open("q8_0"), await open("q8_0", { kernels: "off" })];
    expect(own.info.ownKernelsReason).toBeUndefined();
    for (const { type, kernel, gain } of own.info.kernels) {
      expect(kernel).toMatch(/^starling /);
      if (type !== "attention") expect(gain).toBeGreaterThan(0);
    }
    expect(own.info.kernels.map(({ type }) => type)).toContain("attention");
    expect(stock.info.ownKernelsReason).toBe('the option kernels is "off"');
    expect(stock.info.kernels.every(({ kernel }) => !kernel.startsWith("starling"))).toBe(true);
    await Promise.all([own.close(), stock.close()]);
  });

  it("compute one model while llama.cpp's compute another, and neither's scores change", async () => {
    const [own, stock] = [await open("q4_k_m"), await open("q4_k_m", { kernels: "off" })];
    const apart = [await scoresOf(own), await scoresOf(stock)];
    const together = await Promise.all([scoresOf(own), scoresOf(stock), scoresOf(own)]);
    expect(together).toEqual([apart[0], apart[1], apart[0]]);
    const distance = Math.max(...items.map((_, i) => Math.abs(Number(apart[0]?.[i]) - Number(apart[1]?.[i]))));
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThan(0.35);
    await Promise.all([own.close(), stock.close()]);
  });

  it("give the same bits in every load, packed mode aside", async () => {
    const first = await open("q5_k_m");
    const scores = await scoresOf(first);
    await first.close();
    for (const options of [{ threads: 1 }, { sharePrefixes: false }, { batchTokens: 7 }, { mmap: true }]) {
      const model = await open("q5_k_m", options);
      expect(await scoresOf(model), JSON.stringify(options)).toEqual(scores);
      await model.close();
    }
    const packed = await open("q5_k_m", { batchMode: "packed" });
    for (const [i, score] of (await scoresOf(packed)).entries())
      expect(Math.abs(score - Number(scores[i]))).toBeLessThan(0.1);
    await packed.close();
  });

  it("leave nothing behind in twenty loads", async () => {
    const grown: number[] = [];
    for (let i = 0; i < 20; i++) {
      const model = await open("q4_k_m");
      await model.score(items.slice(0, 2));
      await model.close();
      grown.push(process.memoryUsage.rss());
    }
    const [early, late] = [Math.max(...grown.slice(4, 8)), Math.min(...grown.slice(16))];
    // The weights alone are 3 MB.
    expect(late - early).toBeLessThan(12e6);
  });

  it("stop when they are told to", async () => {
    const model = await open("q4_k_m", { threads: 1 });
    const controller = new AbortController();
    const long = Array.from({ length: 40 }, (_, i) => ({ text: `${i} ${"starling ".repeat(1800)}` }));
    const scoring = model.score(long, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(scoring).rejects.toThrow("enough");
    expect((await scoresOf(model)).every(Number.isFinite)).toBe(true);
    await model.close();
  });
});

/** A score does not depend on company, order, threads or batch size: to the last bit on the CPU, by default. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { convert, type LoadRewardModelOptions, loadRewardModel } from "../../src/index.ts";
import { root, texts } from "./goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-invariance-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Packed batches with flash attention round differently; measured at most 0.05 on q4_k_m. */
const PACKED_TOLERANCE = 0.1;

const items = [...texts.values()]
  .filter((text) => text.length > 0 && text.length < 300 && !text.startsWith("<unk>"))
  .slice(0, 40)
  .map((text) => ({ text }));

describe.each(["f32", "f16", "q8_0", "q4_k_m"])("%s", (type) => {
  const path = join(folder, `${type}.gguf`);
  const scoresOf = async (chosen: typeof items, options: Partial<LoadRewardModelOptions> = {}) => {
    const checkpoint = join(root, "models", "starling-rm-tiny");
    await convert({ checkpoint, output: path, type }).catch((error) => {
      if (error.code !== "ERR_FILE_NOT_WRITABLE") throw error;
    });
    await using model = await loadRewardModel({ modelPath: path, gpu: "off", threads: 1, ...options });
    return (await model.score(chosen)).map(({ score }) => score);
  };

  it("is the same to the last bit alone, in company, in any order, with any threads and batch", async () => {
    const together = await scoresOf(items);
    const alone: number[] = [];
    for (const item of items.slice(0, 10)) alone.push(...(await scoresOf([item])));
    expect(alone).toEqual(together.slice(0, 10));
    expect((await scoresOf(items.toReversed())).toReversed()).toEqual(together);
    expect(await scoresOf(items, { threads: 2 })).toEqual(together);
    expect(new Set(together).size).toBeGreaterThan(30);
  });

  it("stays within the packed mode's tolerance in packed batches, each score at its own item", async () => {
    const exact = await scoresOf(items);
    const packed = await scoresOf(items, { batchMode: "packed", batchTokens: 512 });
    for (const [i, score] of packed.entries())
      expect(Math.abs(score - (exact[i] ?? NaN))).toBeLessThan(PACKED_TOLERANCE);
  });
});

it("gives the same scores at several micro-batch sizes for unquantised weights", async () => {
  const path = join(folder, "micro.gguf");
  await convert({ checkpoint: join(root, "models", "starling-rm-tiny"), output: path, type: "f16" });
  const long = { text: "The starling sang a song that the other birds had never heard. ".repeat(30) };
  const scores: number[] = [];
  for (const batchTokens of [64, 128, 512]) {
    await using model = await loadRewardModel({ modelPath: path, gpu: "off", threads: 1, batchTokens });
    scores.push((await model.score([long]))[0]?.score ?? NaN);
  }
  expect(new Set(scores).size).toBe(1);
});

/** The embedded model's held-out accuracy through our own path: what its card promises survives quantisation. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import { convert } from "../../src/entry/convert.ts";
import { evaluate } from "../../src/entry/eval.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-heldout-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The card's promise for all 300 prompts; a sample of them here stands for it. */
const MIN_PAIRWISE_ACCURACY = 0.9;
const PROMPTS = 60;

it.each(["f32", "f16", "q8_0", "q4_k_m"])("orders held-out pairs at %s", async (type) => {
  const modelPath = join(folder, `${type}.gguf`);
  await convert({ checkpoint: embeddedCheckpoint(), output: modelPath, type });
  const { report } = await evaluate({
    modelPath,
    benchmarks: [{ benchmark: "pairs", inputs: [join(embeddedCheckpoint(), "heldout.jsonl")] }],
    limit: PROMPTS,
    cacheFolder: join(folder, "cache"),
    load: { gpu: "off" },
  });
  expect(report.model.notice).toMatch(/demonstration, not Starling-RM-34B/);
  expect(report.benchmarks[0]).toMatchObject({ cases: PROMPTS, comparisons: PROMPTS * 21 });
  expect(report.accuracy).toBeGreaterThan(MIN_PAIRWISE_ACCURACY);
});

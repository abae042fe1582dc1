/** The embedded model's held-out accuracy through our own path: what its card promises survives quantisation. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { convert, embeddedCheckpoint, loadRewardModel } from "../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-heldout-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The card's promise for all 300 prompts; the first ones here stand for them. */
const MIN_PAIRWISE_ACCURACY = 0.9;
const PROMPTS = 60;

interface Row {
  readonly prompt: string;
  readonly responses: readonly string[];
  readonly ranks: readonly number[];
}

const rows: Row[] = readFileSync(join(embeddedCheckpoint(), "heldout.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .slice(0, PROMPTS)
  .map((line) => JSON.parse(line));

it.each(["f32", "f16", "q8_0", "q4_k_m"])("orders held-out pairs at %s", async (type) => {
  const modelPath = join(folder, `${type}.gguf`);
  await convert({ checkpoint: embeddedCheckpoint(), output: modelPath, type });
  await using model = await loadRewardModel({ modelPath, gpu: "off" });
  expect(model.info.notice).toMatch(/demonstration, not Starling-RM-34B/);
  let pairs = 0;
  let right = 0;
  for (const { prompt, responses, ranks } of rows) {
    const ranked = await model.rank(prompt, responses);
    for (const better of ranked) {
      for (const worse of ranked) {
        if ((ranks[better.index] as number) >= (ranks[worse.index] as number)) continue;
        pairs += 1;
        if (better.score > worse.score) right += 1;
      }
    }
  }
  expect(pairs).toBe(rows.length * 21);
  expect(right / pairs).toBeGreaterThan(MIN_PAIRWISE_ACCURACY);
});

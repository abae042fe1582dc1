/** Ids and scores against the genuine reference, on every committed checkpoint, text and tokenisation mode. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { isStarlingError, loadRewardModel, loadTokenizer, type RewardModel } from "../../src/index.ts";
import { expectNear, expectOrder } from "./compare.ts";
import { digest, isShort, modes, readGoldens, textOf, texts } from "./goldens.ts";
import { tolerance } from "./tolerance.ts";

/** One thread: the tests share their cores with other test files, and threads that wait for each other spin. */
const settings = { gpu: "off", threads: 1 } as const;

const folder = mkdtempSync(join(tmpdir(), "starling-rm-parity-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const goldens = readGoldens().filter(({ checkpoint }) => existsSync(join(checkpoint, "tokenizer.model")));

async function ggufOf(golden: { name: string; checkpoint: string }, type: string): Promise<string> {
  const output = join(folder, `${golden.name}.${type}.gguf`);
  if (!existsSync(output)) await convert({ checkpoint: golden.checkpoint, output, type });
  return output;
}

describe("goldens", () => {
  it("cover the shapes and texts that the project promises", () => {
    expect(texts.size).toBeGreaterThanOrEqual(60);
    expect(goldens.length).toBeGreaterThanOrEqual(7);
    for (const { rows } of goldens) for (const mode of modes) expect(rows[mode].length).toBeGreaterThanOrEqual(60);
  });
});

describe.each(goldens)("$name", (golden) => {
  let model: RewardModel;
  beforeAll(async () => {
    model = await loadRewardModel({ modelPath: await ggufOf(golden, "f32"), ...settings });
  });
  afterAll(() => model?.close());

  it.each(modes)("has the reference's ids in mode %s", async (mode) => {
    const tokenizer = await loadTokenizer({ modelPath: await ggufOf(golden, "f32"), tokenization: mode });
    for (const row of golden.rows[mode]) {
      const text = textOf(row);
      if (row.undefined) {
        await expect(tokenizer.tokenize([{ text }]), row.name).rejects.toSatisfy(isStarlingError);
        continue;
      }
      const [tokens] = await tokenizer.tokenize([{ text }]);
      if (row.ids) expect([...(tokens?.ids ?? [])], row.name).toEqual(row.ids);
      else expect(digest(tokens?.ids ?? new Int32Array()), row.name).toBe(row.idsDigest?.sha256);
      expect(tokens, row.name).toMatchObject({
        totalTokens: row.total,
        truncated: row.truncated,
        scorePosition: row.position,
      });
    }
  });

  it.each(modes)("has the reference's scores at f32 in mode %s", async (mode) => {
    const rows = golden.rows[mode].filter((row) => row.score !== undefined && isShort(row));
    await using inMode = await loadRewardModel({
      modelPath: await ggufOf(golden, "f32"),
      ...settings,
      tokenization: mode,
    });
    const results = await inMode.score(rows.map((row) => ({ text: textOf(row) })));
    for (const [i, row] of rows.entries()) {
      expect(Math.abs((results[i]?.score ?? NaN) - (row.score as number)), row.name).toBeLessThan(tolerance.f32.max);
    }
    expect(rows.length).toBeGreaterThan(50);
  });

  it.each(["f16", "bf16", "q8_0"] as const)("stays within the named tolerance at %s", async (type) => {
    await using quantized = await loadRewardModel({ modelPath: await ggufOf(golden, type), ...settings });
    const rows = golden.rows["fast-4.41"].filter((row) => row.score !== undefined && isShort(row));
    const scores = (await quantized.score(rows.map((row) => ({ text: textOf(row) })))).map(({ score }) => score);
    expectNear(rows, scores, type);
  });

  it("keeps the order of clear pairs at q4_k_m", async () => {
    await using quantized = await loadRewardModel({ modelPath: await ggufOf(golden, "q4_k_m"), ...settings });
    const rows = golden.rows["fast-4.41"].filter((row) => row.score !== undefined && isShort(row));
    const scores = (await quantized.score(rows.map((row) => ({ text: textOf(row) })))).map(({ score }) => score);
    expectOrder(rows, scores, golden, 100);
  });
});

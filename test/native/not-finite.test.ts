/** A model that gives no finite number for some texts: they are errors of their own, and all else is scored as before. */
import { copyFileSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import { convert } from "../../src/entry/convert.ts";
import { compareModels, evaluate } from "../../src/entry/eval.ts";
import { fitModel } from "../../src/entry/fit.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { type LoadRewardModelOptions, loadRewardModel, type RewardModel, type ScoreOutcome } from "../../src/index.ts";
import { errorOf, folder, removeFolder } from "./support.ts";

/** In no other text here. */
const BAD = "☃";
const healthy = join(folder, "healthy.gguf");
const damaged = join(folder, "damaged.gguf");
const cacheFolder = join(folder, "cache");

beforeAll(async () => {
  await convert({ checkpoint: embeddedCheckpoint(), output: healthy, type: "f16" });
  const model = await loadRewardModel({ modelPath: healthy, gpu: "off", threads: 1 });
  const ids = async (text: string) => [...((await model.tokenize([{ text }]))[0]?.ids ?? [])];
  const usual = new Set([...(await ids(prompts.join(" "))), ...(await ids(answers.join(" ")))]);
  const own = (await ids(BAD)).filter((id) => !usual.has(id));
  await model.close();
  expect(own.length).toBeGreaterThan(0);
  copyFileSync(healthy, damaged);
  const embedding = (await readGguf(damaged)).tensors.find(({ name }) => name === "token_embd.weight");
  if (embedding?.type.name !== "f16") throw new Error("the embedding was expected to be f16");
  const rowBytes = 2 * (embedding.dims[0] as number);
  const file = openSync(damaged, "r+");
  for (const id of own) writeSync(file, Buffer.alloc(rowBytes, 0x7e), 0, rowBytes, embedding.position + id * rowBytes);
});
afterAll(removeFolder);

const prompts = ["Name a fruit.", "Is the sky blue?", "Add 2 and 2.", "What is the capital of France?"];
const answers = ["An apple.", "Yes, mostly.", "4", "It is Paris, as far as I know, and was so before."];
/** Every third one has what the model cannot take, at the start, in the middle and at the end. */
const items = Array.from({ length: 90 }, (_, i) => {
  const answer = answers[(i * 7) % 4] as string;
  const response =
    i % 3 !== 1 ? `${answer} ${i}` : [`${BAD} ${answer}`, `${answer} ${BAD} so`, `${answer} ${BAD}`][i % 2];
  return { prompt: prompts[i % 4] as string, response: response as string };
});
const isBad = (i: number) => i % 3 === 1;

async function outcomesOf(model: RewardModel, options = {}): Promise<ScoreOutcome[]> {
  const all: ScoreOutcome[] = [];
  for await (const outcome of model.scoreEach(items, options)) all.push(outcome);
  return all;
}

const open = (modelPath: string, more: Partial<LoadRewardModelOptions> = {}) =>
  loadRewardModel({ modelPath, gpu: "off", threads: 1, ...more });

describe("items without a finite score", () => {
  it.each<[string, Partial<LoadRewardModelOptions>, object]>([
    ["one by one", {}, {}],
    ["on two workers", { threads: 2 }, {}],
    ["without shared prefixes", { sharePrefixes: false }, {}],
    ["with the reward of each token", {}, { perToken: true }],
    ["in packed batches", { batchMode: "packed", batchTokens: 256 }, {}],
  ])("are errors of their own, %s", async (_, load, options) => {
    const [model, reference] = [await open(damaged, load), await open(healthy, load)];
    const [outcomes, expected] = [await outcomesOf(model, options), await outcomesOf(reference, options)];
    expect(outcomes.map(({ index }) => index)).toEqual(items.map((_, i) => i));
    for (const [i, outcome] of outcomes.entries()) {
      if (isBad(i)) expect(outcome).toMatchObject({ error: { code: "ERR_NOT_FINITE" } });
      else if (load.batchMode !== "packed") expect(outcome).toEqual(expected[i]);
      else expect((outcome as { score: number }).score).toBeCloseTo((expected[i] as { score: number }).score, 1);
    }
    await Promise.all([model.close(), reference.close()]);
  });

  it("are errors among features, too, and the calls that answer at once reject by their code", async () => {
    const model = await open(damaged);
    const features = [];
    for await (const outcome of model.featuresEach(items.slice(0, 6))) features.push("error" in outcome);
    expect(features).toEqual([false, true, false, false, true, false]);
    const bad = items[1] as (typeof items)[0];
    for (const call of [
      () => model.score(items),
      () => model.rank({ prompt: "Name a fruit.", responses: ["An apple.", BAD] }),
      () => model.features(items),
      () => model.openPrompt({ prompt: `What is ${BAD}?` }),
    ])
      expect(await errorOf(call())).toMatchObject({ code: "ERR_NOT_FINITE" });
    expect((await errorOf(model.score([bad]))).message).toMatch(/^items\[0\] has no score: .*finite/);
    const ranking = await model.openPrompt({ prompt: "Name a fruit." });
    const before = await ranking.score("An apple.");
    expect(await errorOf(ranking.score(BAD))).toMatchObject({ code: "ERR_NOT_FINITE" });
    expect((await ranking.score("An apple.")).score).toBe(before.score);
    await ranking.close();
    await model.close();
  });
});

describe("cases without a finite score", () => {
  const pairs = join(folder, "pairs.jsonl");
  const rows = Array.from({ length: 30 }, (_, i) => ({
    prompt: prompts[i % 4],
    chosen: `${answers[i % 4]} ${i}`,
    rejected: i % 3 === 1 ? `${BAD} no` : `no ${i}`,
  }));
  const data = { benchmark: "pairs", inputs: [pairs] } as const;

  beforeAll(() => {
    writeFileSync(pairs, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  });

  it("are left out of an evaluation, a comparison and a fit, each by its code", async () => {
    const load = { gpu: "off", threads: 1 } as const;
    const codes: string[] = [];
    const common = { load, cacheFolder, onProblem: ({ error }: { error: { code: string } }) => codes.push(error.code) };
    const { report } = await evaluate({ ...common, modelPath: damaged, benchmarks: [data] });
    expect(report.benchmarks[0]).toMatchObject({ cases: 20, rows: { failed: 10 } });
    const comparison = await compareModels({ ...common, models: [damaged, healthy], data });
    expect(comparison).toMatchObject({ agreement: { cases: 20, order: { agreement: 1 } }, rows: { failed: 10 } });
    const headOutput = join(folder, "head.gguf");
    const fit = await fitModel({ ...common, modelPath: damaged, data, headOutput, ridge: 1 });
    expect(fit.report.rows.failed).toBe(10);
    expect(readFileSync(headOutput).length).toBeGreaterThan(0);
    expect(codes).toEqual(new Array(30).fill("ERR_NOT_FINITE"));
  });
});

/** From preferences to a head that is in use: features, the fit, both kinds of file, and scores with them. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fitModel, replaceHead, writeHead } from "../../src/entry/fit.ts";
import { comparisonsByGrade, type PlacedCase } from "../../src/evaluation/case.ts";
import { extractFeatures } from "../../src/evaluation/fit/extract-features.ts";
import { fitHead } from "../../src/evaluation/fit/fit-head.ts";
import { loadRewardModel, type Progress, type RewardModel } from "../../src/index.ts";
import { embeddedModelPath } from "../../src/model-path.ts";
import { scoreOf } from "../../src/reward-head.ts";
import { randomOf } from "../random.ts";

let folder: string;
let path: string;
let model: RewardModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-fit-"));
  // A copy whose name nobody else uses.
  path = join(folder, "tiny.gguf");
  cpSync(await embeddedModelPath(), path);
  model = await loadRewardModel({ modelPath: path, gpu: "off", threads: 1 });
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

const subjects = ["the sea", "a good dinner", "winter", "learning to swim", "old maps", "bread", "the moon", "trains"];
const answers = [
  "It depends on what you like.",
  "There is much to say about that.",
  "I would begin with a walk.",
  "Many people enjoy it on Sundays.",
  "Ask someone who knows it well.",
];

/** Preferences that the model was not trained with: the answer with an exclamation mark is better, in every case. */
function preferences(count: number): PlacedCase[] {
  const random = randomOf(3);
  return Array.from({ length: count }, (_, i) => {
    const prompt = `Tell me about ${subjects[random(subjects.length)]}, number ${i}.`;
    const [calm, loud] = [answers[random(5)] as string, answers[random(5)] as string];
    const responses = [
      { item: { prompt, response: calm }, grade: 0 },
      { item: { prompt, response: loud.replace(".", "!") }, grade: 1 },
    ];
    return { source: 0, row: i + 1, responses, comparisons: comparisonsByGrade(responses) };
  });
}

describe("a fit to preferences that the head does not follow", () => {
  const cases = preferences(80);
  const cacheFolder = () => join(folder, "cache");

  it("makes a head that follows them, in a head file and in a new model alike", async () => {
    const data = await extractFeatures({ model, cases, cacheFolder: cacheFolder() });
    expect(data).toMatchObject({ failures: [], computed: 160, model: { path, name: model.info.name } });
    const fitted = await fitHead(data, { heldOut: 0.25, seed: 1 });
    expect(fitted.converged).toBe(true);
    expect(fitted.heldOut?.cases).toBe(20);
    expect(fitted.heldOut?.before.accuracy).toBeLessThan(0.8);
    expect(fitted.heldOut?.after.accuracy).toBeGreaterThan(0.95);
    expect(fitted.heldOut?.after.loss).toBeLessThan(fitted.heldOut?.before.loss as number);

    const [headPath, output] = [join(folder, "head.gguf"), join(folder, "new.gguf")];
    const calibration = { temperature: 2, offset: -0.5 };
    const fit = { model: data.model.name, modelSha256: data.model.sha256, cases: 60, ridge: fitted.ridge, calibration };
    await writeHead({ modelPath: path, output: headPath, head: fitted.head, fit });
    await replaceHead({ modelPath: path, output, head: fitted.head, fit });
    const items = cases.slice(0, 20).flatMap(({ responses }) => responses.map(({ item }) => item));
    const expected = (await model.features(items)).map(({ features }) => scoreOf(fitted.head, features));
    for (const options of [{ modelPath: path, headPath }, { modelPath: output }]) {
      const other = await loadRewardModel({ ...options, gpu: "off", threads: 1 });
      expect((await other.score(items)).map(({ score }) => score)).toEqual(expected);
      expect(other.info.fit).toEqual(fit);
      expect(other.info.head?.path).toBe("headPath" in options ? headPath : undefined);
      expect(other.head).toEqual(fitted.head);
      const [best] = await other.rank({
        prompt: "Tell me about trains.",
        responses: [answers[0] as string, "I would begin with a walk!"],
      });
      expect(best?.response).toBe("I would begin with a walk!");
      await other.close();
    }
    const own = await model.score(items);
    expect(own.map(({ score }) => score)).not.toEqual(expected);
  });

  it("computes nothing a second time, and fits the same bits", async () => {
    const first = await extractFeatures({ model, cases, cacheFolder: join(folder, "one-run") });
    const again = await extractFeatures({ model, cases, cacheFolder: join(folder, "one-run") });
    expect([first.computed, again.computed]).toEqual([160, 0]);
    expect((await fitHead(again)).head).toEqual((await fitHead(first)).head);
  });

  it("goes on after it was stopped anywhere, and fits the same bits", async () => {
    const whole = await extractFeatures({ model, cases, cacheFolder: cacheFolder() });
    const parts = join(folder, "parts");
    let computed = 0;
    for (const after of [1, 30, 90]) {
      const stop = new AbortController();
      const onProgress = (progress: Progress) => {
        if (progress.phase === "extracting" && progress.responsesDone >= after) stop.abort("enough");
      };
      const work = extractFeatures({ model, cases, cacheFolder: parts, signal: stop.signal, onProgress });
      await expect(work).rejects.toBe("enough");
    }
    const last = await extractFeatures({ model, cases, cacheFolder: parts });
    computed = last.computed;
    expect(computed).toBeLessThanOrEqual(70);
    expect((await fitHead(last)).head).toEqual((await fitHead(whole)).head);
  });

  it("does not mix up features of other settings", async () => {
    const cache = join(folder, "settings");
    await extractFeatures({ model, cases: cases.slice(0, 3), cacheFolder: cache });
    for (const options of [
      { tokenization: "slow" },
      { specialTokens: "reference" },
      { batchMode: "packed" },
    ] as const) {
      const other = await loadRewardModel({ modelPath: path, gpu: "off", threads: 1, ...options });
      const { computed, tokenization } = await extractFeatures({
        model: other,
        cases: cases.slice(0, 3),
        cacheFolder: cache,
      });
      expect(computed).toBe(6);
      expect(tokenization).toBe(other.info.tokenization);
      await other.close();
    }
    expect(readdirSync(join(cache, "features"))).toHaveLength(4);
  });

  it("names the case of an item that cannot be scored, and fits to the others", async () => {
    const broken = cases.slice(0, 10).map((one, i) => {
      if (i !== 4) return one;
      const [first, second] = one.responses as [PlacedCase["responses"][0], PlacedCase["responses"][0]];
      return { ...one, responses: [first, { ...second, item: { text: "<unk> begins" } }] };
    });
    const data = await extractFeatures({ model, cases: broken, cacheFolder: cacheFolder() });
    expect(data.failures).toMatchObject([{ source: 0, row: 5, response: 1, error: { code: "ERR_NO_SCORE_POSITION" } }]);
    expect(data.failures[0]?.error.message).toContain("responses[1]");
    expect(data.cases.map(({ row }) => row)).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10]);
  });

  it("lets an error of the source through, and keeps what was computed", async () => {
    const cache = join(folder, "source");
    async function* source() {
      yield* cases.slice(0, 5);
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw new RangeError("the source is broken");
    }
    await expect(extractFeatures({ model, cases: source(), cacheFolder: cache })).rejects.toThrow(
      "the source is broken",
    );
    expect((await extractFeatures({ model, cases: cases.slice(0, 5), cacheFolder: cache })).computed).toBe(0);
  });

  it("refuses a model whose file is another one by now, and keeps nothing under that one's name", async () => {
    const [place, cache] = [join(folder, "replaced.gguf"), join(folder, "replaced")];
    cpSync(path, place);
    const old = await loadRewardModel({ modelPath: place, gpu: "off", threads: 1 });
    await replaceHead({
      modelPath: place,
      output: place,
      head: { weight: model.head.weight.map((weight) => -weight) },
      overwrite: true,
    });
    await expect(extractFeatures({ model: old, cases: cases.slice(0, 3), cacheFolder: cache })).rejects.toThrow(
      /replaced\.gguf changed/,
    );
    await old.close();
    const fresh = await loadRewardModel({ modelPath: place, gpu: "off", threads: 1 });
    expect((await extractFeatures({ model: fresh, cases: cases.slice(0, 3), cacheFolder: cache })).computed).toBe(6);
    await fresh.close();
  });

  it("is not written for a model that took the place of the fitted one", async () => {
    const [place, data, headOutput] = [
      join(folder, "refitted.gguf"),
      join(folder, "pairs.jsonl"),
      join(folder, "h.gguf"),
    ];
    cpSync(path, place);
    const rows = Array.from({ length: 12 }, (_, i) =>
      JSON.stringify({ prompt: `Tell me of ${subjects[i % 8]}, ${i}.`, chosen: "Gladly!", rejected: "Another time." }),
    );
    writeFileSync(data, rows.join("\n"));
    let other: Buffer | undefined = readFileSync(path);
    other[other.length - 1] = (other.at(-1) as number) ^ 1;
    const fitting = fitModel({
      modelPath: place,
      data: { benchmark: "pairs", inputs: [data] },
      load: { gpu: "off", threads: 1 },
      headOutput,
      cacheFolder: join(folder, "refitted"),
      onProgress: ({ phase }) => {
        if (phase !== "fitting" || other === undefined) return;
        writeFileSync(place, other);
        other = undefined;
      },
    });
    await expect(fitting).rejects.toMatchObject({ code: "ERR_MODEL_CHANGED", file: place });
    expect(existsSync(headOutput)).toBe(false);
  });

  it("shares one row among equal items", async () => {
    const twice = [...cases.slice(0, 4), ...cases.slice(0, 4).map((one) => ({ ...one, row: one.row + 100 }))];
    const data = await extractFeatures({ model, cases: twice, cacheFolder: join(folder, "twice") });
    expect(data.features.rows).toBe(8);
    expect(data.computed).toBe(8);
    expect(data.cases[5]?.rows).toEqual(data.cases[1]?.rows);
    expect(data.cases[5]?.group).toBe(data.cases[1]?.group);
  });
});

describe("a head file with a model that it was not fitted to", () => {
  it("is refused in words before the model is loaded", async () => {
    const output = join(folder, "slow-head.gguf");
    await writeHead({ modelPath: path, output, head: model.head, tokenization: "slow" });
    await expect(loadRewardModel({ modelPath: path, headPath: output, gpu: "off" })).rejects.toMatchObject({
      code: "ERR_WRONG_HEAD",
    });
    const other = await loadRewardModel({ modelPath: path, headPath: output, tokenization: "slow", gpu: "off" });
    const item = { prompt: "Hello", response: "World" };
    const [mine] = await other.score([item]);
    const slow = await loadRewardModel({ modelPath: path, tokenization: "slow", gpu: "off" });
    expect(mine).toEqual((await slow.score([item]))[0]);
    await Promise.all([other.close(), slow.close()]);
    await expect(loadRewardModel({ modelPath: output, gpu: "off" })).rejects.toThrow(
      /contains only a reward head, not a model/,
    );
    await expect(loadRewardModel({ modelPath: path, headPath: path, gpu: "off" })).rejects.toThrow(
      /is not a head file/,
    );
    expect(readFileSync(output).length).toBeLessThan(10_000);
  });
});

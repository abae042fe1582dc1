/** A head with a bias, from the checkpoint to the score: no profile of today has one, so one is given to a known profile. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const { BIAS } = vi.hoisted(() => ({ BIAS: "v_head.bias" }));
vi.mock("../../src/profiles/profiles.ts", async (original) => {
  const { profiles, ...others } = await original<typeof import("../../src/profiles/profiles.ts")>();
  return {
    ...others,
    profiles: profiles.map((profile) => ({
      ...profile,
      heads: profile.heads.map((head) => ({ ...head, bias: BIAS })),
    })),
  };
});

import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import { convert, type InspectResult, inspectModel, quantize } from "../../src/entry/convert.ts";
import { extractFeatures, fitHead, replaceHead, writeHead } from "../../src/entry/fit.ts";
import type { PlacedCase } from "../../src/evaluation/case.ts";
import { type FileError, loadRewardModel, type RewardHead, type RewardModel } from "../../src/index.ts";
import { errorOf, folder, removeFolder } from "./support.ts";

/** In bf16 without rounding. */
const bias = -7.3125;
const items = ["Hello!", "What is the capital of France? Paris.", "I cannot help with that."].map((text) => ({ text }));
const responses = ["Yes.", "No, I do not think so.", "Perhaps."];
const plain = join(folder, "plain.gguf");
const biased = join(folder, "biased.gguf");
const INDEX = "model.safetensors.index.json";

/** The embedded checkpoint with a bias of this type, shape and content. */
function checkpointWith(name: string, dtype: string, shape: readonly number[], bytes: Uint8Array): string {
  const path = join(folder, name);
  cpSync(embeddedCheckpoint(), path, { recursive: true });
  const index = JSON.parse(readFileSync(join(path, INDEX), "utf8"));
  index.weight_map[BIAS] = "bias.safetensors";
  writeFileSync(join(path, INDEX), JSON.stringify(index));
  const json = Buffer.from(JSON.stringify({ [BIAS]: { dtype, shape, data_offsets: [0, bytes.length] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(join(path, "bias.safetensors"), Buffer.concat([length, json, bytes]));
  return path;
}

const float = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
const open = (modelPath: string, headPath?: string): Promise<RewardModel> =>
  loadRewardModel({ modelPath, gpu: "off", threads: 1, ...(headPath === undefined ? {} : { headPath }) });

async function scoresOf(modelPath: string, headPath?: string): Promise<number[]> {
  await using model = await open(modelPath, headPath);
  return (await model.score(items)).map(({ score }) => score);
}

let ownScores: readonly number[];
let weight: Float32Array;
beforeAll(async () => {
  await convert({ checkpoint: embeddedCheckpoint(), output: plain, type: "f16" });
  const bf16 = float(bias).subarray(2);
  await convert({ checkpoint: checkpointWith("biased", "BF16", [1], bf16), output: biased, type: "f16" });
  await using model = await open(plain);
  expect(model.head).toEqual({ weight: expect.any(Float32Array) });
  ({ weight } = model.head);
  ownScores = (await model.score(items)).map(({ score }) => score);
});
afterAll(removeFolder);

/** The last bit of a score that is this large. */
const bit = (value: number) => 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23);
const expectShifted = (scores: readonly number[], by = bias) => {
  for (const [i, score] of scores.entries()) {
    const own = ownScores[i] as number;
    expect(Math.abs(score - (own + by))).toBeLessThanOrEqual(bit(score) / 2 + bit(own) / 2);
  }
};

describe("a bias of the head", () => {
  it("is added to every score, in all calls alike, and is no part of the features", async () => {
    await using model = await open(biased);
    expect(model.head).toEqual({ weight, bias });
    const scored = await model.score(items, { perToken: true });
    const scores = scored.map(({ score }) => score);
    expectShifted(scores);
    for (const { score, tokenRewards } of scored) expect(tokenRewards?.rewards.at(-1)).toBe(score);
    for (const { score, features } of await model.features(items)) {
      const sum = features.reduce((sum, value, i) => sum + value * (weight[i] as number), 0);
      expect(score).toBe(Math.fround(sum + bias));
    }
    const ranked = await model.rank({ prompt: "Is it so?", responses });
    await using prompt = await model.openPrompt({ prompt: "Is it so?" });
    for (const { response, score } of ranked) expect((await prompt.score(response)).score).toBe(score);
  });

  it("is shown by inspect, for the checkpoint, the model and the head file", async () => {
    const headPath = join(folder, "shown.gguf");
    await writeHead({ modelPath: plain, output: headPath, head: { weight, bias: 0.5 } });
    expect((await inspectModel({ modelPath: biased })).head).toMatchObject({ length: weight.length, bias });
    expect((await inspectModel({ modelPath: join(folder, "biased") })).head).toMatchObject({
      length: weight.length,
      bias,
    });
    expect((await inspectModel({ modelPath: headPath })).head).toMatchObject({ length: weight.length, bias: 0.5 });
    expect((await inspectModel({ modelPath: plain })).head).not.toHaveProperty("bias");
  });

  it("is part of the source's checksum, and not of the trunk's", async () => {
    const inspect = async (path: string) => (await inspectModel({ modelPath: path })) as InspectResult;
    const [own, other] = [await inspect(plain), await inspect(biased)];
    expect(other.trunkSha256).toBe(own.trunkSha256);
    expect(other.source?.sha256).not.toBe(own.source?.sha256);
  });

  it("stays when the model is quantised", async () => {
    const [first, second] = [join(folder, "plain-q8.gguf"), join(folder, "biased-q8.gguf")];
    await quantize({ input: plain, output: first, type: "q8_0" });
    await quantize({ input: biased, output: second, type: "q8_0" });
    const [before, after] = [await scoresOf(first), await scoresOf(second)];
    for (const [i, score] of after.entries()) expect(score).toBeCloseTo((before[i] as number) + bias, 5);
  });

  it("comes and goes with a head file and with another head in the model", async () => {
    const head: RewardHead = { weight, bias: Math.fround(1.7) };
    const [headPath, bare] = [join(folder, "head.gguf"), join(folder, "bare.gguf")];
    await writeHead({ modelPath: plain, output: headPath, head });
    await writeHead({ modelPath: plain, output: bare, head: { weight } });
    for (const model of [plain, biased]) {
      expectShifted(await scoresOf(model, headPath), head.bias);
      expect(await scoresOf(model, bare)).toEqual(ownScores);
    }
    const [first, second] = [join(folder, "replaced.gguf"), join(folder, "back.gguf")];
    await replaceHead({ modelPath: plain, output: first, head });
    expectShifted(await scoresOf(first), head.bias);
    await replaceHead({ modelPath: first, output: second, head: { weight } });
    expect(readFileSync(second).equals(readFileSync(plain))).toBe(true);
  });

  it("stays in a fit, which changes the weights as it does without", async () => {
    const fits = await Promise.all(
      [plain, biased].map(async (path) => {
        await using model = await open(path);
        const data = await extractFeatures({ model, cases: cases(), cacheFolder: join(folder, "cache") });
        return fitHead(data, { ridge: 0.1, heldOut: 0 });
      }),
    );
    const [own, other] = fits as [(typeof fits)[0], (typeof fits)[0]];
    expect(other.head).toEqual({ ...own.head, bias });
    expect(other.training.after.accuracy).toBe(own.training.after.accuracy);
    expect(other.training.after.loss).toBeCloseTo(own.training.after.loss, 5);
  });
});

function cases(): PlacedCase[] {
  return Array.from({ length: 6 }, (_, i) => ({
    source: 0,
    row: i + 1,
    prompt: `Question ${i}?`,
    responses: responses.map((response, grade) => ({ item: { prompt: `Question ${i}?`, response }, grade })),
    comparisons: [{ better: 2, worse: 0 }],
  })) as unknown as PlacedCase[];
}

describe("a bias that is none", () => {
  it.each<[string, string, readonly number[], Uint8Array, RegExp]>([
    ["not a number", "F32", [1], float(Number.NaN), /contains NaN at index 0 of the reward head "v_head.bias"/],
    ["infinite", "F32", [1], float(Number.NEGATIVE_INFINITY), /contains -Infinity at index 0/],
    ["two numbers", "F32", [2], Buffer.concat([float(1), float(2)]), /shape \[2\].* requires \[1\]/],
    ["a matrix", "F32", [1, 1], float(1), /shape \[1, 1\].* requires \[1\]/],
    ["a double", "F64", [1], new Uint8Array(8), /in F64/],
  ])("is refused in a checkpoint: %s", async (name, dtype, shape, bytes, message) => {
    const checkpoint = checkpointWith(name, dtype, shape, bytes);
    const error = await errorOf(convert({ checkpoint, output: join(folder, "none.gguf"), type: "f16" }));
    expect(error.message).toMatch(message);
    expect(error as FileError).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", tensor: BIAS });
  });
});

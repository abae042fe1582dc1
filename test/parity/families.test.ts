/** Every family of heads against its reference: ids, scores, exactness; and what checkpoints of the same kinds may differ in. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { type ChatMessage, loadRewardModel, type RewardModel, type ScoreItem } from "../../src/index.ts";
import { scoreOf } from "../../src/reward-head.ts";
import { trunkOfModelType } from "../../src/trunk/trunks.ts";
import { families, familyCheckpoint } from "./family-checkpoint.ts";
import { root } from "./goldens.ts";

const settings = { gpu: "off", threads: 1, templateDate: "2024-07-26" } as const;
/** As in parity.test.ts, and half of the differences below the second. */
const tolerance = { f32: 0.001, median: 0.0002, f16: 0.02, packed: 0.02, packedMedian: 0.004 } as const;

interface Row {
  readonly text?: string;
  readonly messages?: readonly ChatMessage[];
  readonly ids: readonly number[];
  readonly score: number;
}

interface Golden {
  readonly header: { readonly std: number };
  readonly texts: readonly Row[];
  readonly conversations: readonly Row[];
}

const profiles: Readonly<Record<string, string>> = {
  athene: "athene-rm",
  "ultra-rm": "ultra-rm",
  eurus: "eurus-rm",
  "beaver-reward": "beaver-reward",
  "beaver-cost": "beaver-cost",
  ziya: "ziya-reward",
  "value-head": "value-head",
  grm: "grm-sftreg",
  "inf-orm": "inf-orm",
  nemotron: "nemotron-reward",
  openrlhf: "openrlhf",
  "trl-old": "llama-sequence-classification",
  "trl-new": "llama-sequence-classification",
  "trl-spm": "llama-sequence-classification",
  "skywork-v2-llama": "llama-sequence-classification",
  "mistral-seqcls": "sequence-classification",
};

const folder = mkdtempSync(join(tmpdir(), "starling-rm-families-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const itemOf = ({ text, messages }: Row): ScoreItem =>
  text === undefined ? { messages: messages as readonly ChatMessage[] } : { text };

function goldenOf(name: string): Golden {
  return JSON.parse(readFileSync(join(root, "test", "fixtures", "goldens", "families", `${name}.json`), "utf8"));
}

let made = 0;

/** A GGUF of the family, and what its conversion told. */
async function ggufOf(name: string, type: string, changes: object = {}, options: object = {}) {
  const checkpoint = familyCheckpoint(name, join(folder, `${name}-${made}`), changes);
  const output = join(folder, `${name}-${made++}.${type}.gguf`);
  const { notices } = await convert({ checkpoint, output, type, ...options });
  return { output, notices };
}

const differencesOf = async (model: RewardModel, rows: readonly Row[]) => {
  const results = await model.score(rows.map(itemOf));
  return rows.map(({ score }, i) => Math.abs((results[i]?.score ?? Number.NaN) - score)).sort((a, b) => a - b);
};

const known = Object.keys(families).filter((name) => trunkOfModelType(families[name]?.config["model_type"]));

it("are all compared", () => {
  expect(Object.keys(profiles).sort()).toEqual(Object.keys(families).sort());
});

describe.each(known)("%s", (name) => {
  const golden = goldenOf(name);
  const rows = [...golden.texts, ...golden.conversations];
  let [model, path]: [RewardModel, string] = [undefined as never, ""];
  beforeAll(async () => {
    path = (await ggufOf(name, "f32")).output;
    model = await loadRewardModel({ modelPath: path, ...settings });
  });
  afterAll(() => model?.close());

  it("is recognised, and has the reference's ids", async () => {
    expect(model.info.profile).toBe(profiles[name]);
    expect(rows.length).toBeGreaterThanOrEqual(40);
    const tokenized = await model.tokenize(rows.map(itemOf));
    for (const [i, row] of rows.entries())
      expect([...(tokenized[i]?.ids ?? [])], JSON.stringify(row.text ?? row.messages)).toEqual(row.ids);
  });

  it("has the reference's scores, and float16's within tolerance", async () => {
    expect(golden.header.std).toBeGreaterThan(0.3);
    const differences = await differencesOf(model, rows);
    expect(differences.at(-1)).toBeLessThan(tolerance.f32);
    expect(differences[Math.floor(differences.length / 2)]).toBeLessThan(tolerance.median);
    const { output } = await ggufOf(name, "f16");
    await using half = await loadRewardModel({ modelPath: output, ...settings });
    expect((await differencesOf(half, rows)).at(-1)).toBeLessThan(tolerance.f16);
  });

  it("stays within tolerance in packed batches, each score at its own item", async () => {
    await using packed = await loadRewardModel({ modelPath: path, ...settings, batchMode: "packed", batchTokens: 512 });
    expect(packed.info.batchMode).toBe("packed");
    const differences = await differencesOf(packed, rows);
    expect(differences.at(-1)).toBeLessThan(tolerance.packed);
    expect(differences[Math.floor(differences.length / 2)]).toBeLessThan(tolerance.packedMedian);
    // Another order makes other batches.
    const turned = (await packed.score(rows.toReversed().map(itemOf))).toReversed();
    for (const [i, row] of rows.entries())
      expect(Math.abs((turned[i]?.score ?? Number.NaN) - row.score)).toBeLessThan(tolerance.packed);
  });

  it("has the same score alone and in company, and from its features", async () => {
    const some = rows.filter((_, i) => i % 6 === 0).map(itemOf);
    const together = await model.features(some);
    for (const [i, item] of some.entries()) {
      const [alone] = await model.score([item]);
      expect(together[i]?.score).toBe(alone?.score);
      expect(scoreOf(model.head, together[i]?.features as Float32Array)).toBe(alone?.score);
    }
  });
});

describe("directions", () => {
  it("put the lowest cost first, and say so", async () => {
    const { output, notices } = await ggufOf("beaver-cost", "f32");
    expect(notices).toContainEqual(expect.stringMatching(/lower is better/));
    await using model = await loadRewardModel({ modelPath: output, ...settings });
    expect(model.info.direction).toBe("lower");
    const ranked = await model.rank("Who are you?", ["A bird.", "No.", "I am a starling."]);
    const scores = ranked.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => a - b));
    expect(ranked.map(({ rank }) => rank)).toEqual([1, 2, 3]);
  });
});

describe("normalisation", () => {
  const row = (name: string) => goldenOf(name).conversations[0] as Row;
  const scored = async (name: string, changes: object, options: object) => {
    const { output, notices } = await ggufOf(name, "f32", changes, options);
    await using model = await loadRewardModel({ modelPath: output, ...settings });
    const [result] = await model.score([itemOf(row(name))]);
    return { score: result?.score, notices, info: model.info };
  };

  it("of OpenRLHF is asked for, and told either way", async () => {
    const raw = await scored("openrlhf", {}, {});
    expect(raw.score).toBeCloseTo(row("openrlhf").score, 4);
    expect(raw.notices).toContainEqual(
      expect.stringMatching(/raw.*mean of 1\.5 and a std of 2\.5.*--normalize-reward/),
    );
    const normal = await scored("openrlhf", {}, { normalizeReward: true });
    expect(normal.score).toBeCloseTo((row("openrlhf").score - 1.5) / 2.5, 4);
    expect(normal.info.normalization).toEqual({ mean: 1.5, std: 2.5, applied: true });
  });

  it("of safe-rlhf follows do_normalize, and can be turned off", async () => {
    const raw = await scored("beaver-cost", {}, { normalizeReward: false });
    expect(raw.score).toBeCloseTo(row("beaver-cost").score * 2.5, 4);
    const reward = await scored("beaver-reward", { do_normalize: true }, {});
    expect(reward.score).toBeCloseTo((row("beaver-reward").score - 0.75) / 1.5, 4);
  });

  it("is refused where there is nothing to normalise with", async () => {
    await expect(ggufOf("athene", "f32", {}, { normalizeReward: true })).rejects.toThrow(/no mean and std/);
    await expect(ggufOf("openrlhf", "f32", { std: 0 })).rejects.toThrow(/has 0 as std/);
  });
});

describe("positions", () => {
  it("can be chosen, and are refused where they cannot be", async () => {
    // The rule of the other version.
    const [old, other] = ["trl-old", "trl-new"].map((name) => goldenOf(name).conversations[4] as Row);
    const { output } = await ggufOf("trl-new", "f32", {}, { scorePosition: "first-padding" });
    await using model = await loadRewardModel({ modelPath: output, ...settings });
    const [result] = await model.tokenize([itemOf(other as Row)]);
    expect(result?.scorePosition).toBe((old?.ids.indexOf(604) ?? 0) - 1);
    const wrong = [
      ["athene", "last-of-token:99999", /vocabulary of 611 tokens does not have/],
      ["skywork-v2-llama", "last-non-padding", /needs a padding token/],
      ["trl-old", "somewhere", /last-of-token:ID/],
    ] as const;
    for (const [name, scorePosition, message] of wrong)
      await expect(ggufOf(name, "f32", {}, { scorePosition })).rejects.toThrow(message);
  });

  it("at a token need that token, which is put after every text once", async () => {
    const { output } = await ggufOf("athene", "f32");
    await using model = await loadRewardModel({ modelPath: output, ...settings });
    const cls = "<|reserved_special_token_1|>";
    const [one, same] = await model.tokenize([{ text: "Hello" }, { text: `Hello${cls}` }]);
    expect([...(same?.ids ?? [])]).toEqual([...(one?.ids ?? [])]);
    const chosen = await ggufOf("trl-new", "f32", {}, { scorePosition: "last-of-token:605" });
    await using without = await loadRewardModel({ modelPath: chosen.output, ...settings });
    await expect(without.score([{ text: "Hello" }])).rejects.toMatchObject({ code: "ERR_NO_SCORE_POSITION" });
  });

  it("that depend on the version are told where the template writes the padding token", async () => {
    const { output, notices } = await ggufOf("trl-old", "f32");
    expect(notices).toContainEqual(
      expect.stringMatching(/writes the padding token <\|eot_id\|>.*before the first one/),
    );
    await using model = await loadRewardModel({ modelPath: output, ...settings });
    expect(model.info.positionNotice).toMatch(/transformers up to 4\.48/);
  });

  it("stay undecided without a version, and ambiguous items are errors", async () => {
    const { output } = await ggufOf("trl-old", "f32", { transformers_version: undefined });
    await using model = await loadRewardModel({ modelPath: output, ...settings });
    await expect(model.score([itemOf(goldenOf("trl-old").conversations[0] as Row)])).rejects.toThrow(
      /ambiguous.*--score-position/,
    );
  });
});

describe("what the files do not tell", () => {
  it("is refused: the function between two layers of a class that is not known", async () => {
    await expect(ggufOf("inf-orm", "f32", { architectures: ["LlamaForMyReward"] })).rejects.toThrow(
      /LlamaForMyReward .* score\.0\.bias .* Nearest: inf-orm/,
    );
    const named = await ggufOf("inf-orm", "f32", { architectures: ["LlamaForMyReward"] }, { profile: "inf-orm" });
    const known = await ggufOf("inf-orm", "f32", { architectures: ["Qwen2ForRewardModel"] });
    const row = goldenOf("inf-orm").texts[0] as Row;
    for (const { output } of [named, known]) {
      await using model = await loadRewardModel({ modelPath: output, ...settings });
      expect((await model.score([itemOf(row)]))[0]?.score).toBeCloseTo(row.score, 4);
    }
  });

  it("is refused: the ids of transformers 5 where there is only a tokenizer.model", async () => {
    const newer = { transformers_version: "5.23.0" };
    await expect(ggufOf("trl-spm", "f32", newer)).rejects.toThrow(
      /was written by transformers 5\.23\.0, which puts spaces elsewhere .*--tokenization fast-4\.41/,
    );
    await ggufOf("trl-spm", "f32", newer, { tokenization: "fast-4.41" });
  });

  it("is told: code of its own that a stock class's repository brings", async () => {
    const auto_map = { AutoConfig: "c.C", AutoModelForSequenceClassification: "modeling_own.OwnReward" };
    const told = expect.stringMatching(/code of its own \("modeling_own\.OwnReward"\), which is not run/);
    expect((await ggufOf("trl-new", "f32", { auto_map })).notices).toContainEqual(told);
    expect((await ggufOf("inf-orm", "f32", { auto_map })).notices ?? []).not.toContainEqual(told);
  });
});

describe("what is left out is told", () => {
  it("as a language model's output layer", async () => {
    const { notices } = await ggufOf("ziya", "f32");
    expect(notices).toContainEqual(expect.stringMatching(/left out: lm_head\.weight/));
  });
});

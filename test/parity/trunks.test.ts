/** Ids and scores of the trunks beside Llama against genuine transformers, and what holds for all of them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert, inspectModel } from "../../src/entry/convert.ts";
import {
  type ChatMessage,
  isStarlingError,
  loadRewardModel,
  loadTokenizer,
  type RewardModel,
  type ScoreItem,
} from "../../src/index.ts";
import { root } from "./goldens.ts";

/** Largest and median difference from the reference's float32; these models' scores have a standard deviation of 0.6 to 1.3. */
const tolerance = { f32: [0.001, 0.0002], f16: [0.02, 0.004], packed: [0.02, 0.004] } as const;
const settings = { gpu: "off", threads: 1 } as const;

interface Row {
  readonly text?: string;
  readonly messages?: readonly ChatMessage[];
  readonly ids: readonly number[];
  readonly score?: number;
  readonly contradiction?: true;
}

const folder = mkdtempSync(join(tmpdir(), "starling-rm-trunks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fixtures = join(root, "test", "fixtures");

const made = new Map<string, Promise<string>>();

function ggufOf(name: string, type: string): Promise<string> {
  const output = join(folder, `${name}.${type}.gguf`);
  const checkpoint = join(fixtures, "checkpoints", name);
  const file = made.get(output) ?? convert({ checkpoint, output, type }).then(() => output);
  made.set(output, file);
  return file;
}

const itemOf = ({ text, messages }: Row): ScoreItem =>
  text === undefined ? { messages: messages as readonly ChatMessage[] } : { text };

const profile = "sequence-classification";
const models = [
  { name: "hf-mistral", architecture: "llama", maxTokens: 256, window: 256, tokenization: "fast-4.41" },
  { name: "hf-qwen2", architecture: "qwen2", maxTokens: 4096, tokenization: "byte-bpe", padTokenId: 500 },
  { name: "hf-qwen3", architecture: "qwen3", maxTokens: 4096, tokenization: "byte-bpe", padTokenId: 500 },
  { name: "hf-gemma2", architecture: "gemma2", maxTokens: 4096, tokenization: "fast-4.42", padTokenId: 0 },
  { name: "hf-gemma2-scaled", architecture: "gemma2", maxTokens: 4096, tokenization: "fast-4.42", padTokenId: 0 },
] as const;
/** Scored in each way, of all that have a golden; conversations always. */
const SCORED = 60;

describe.each(models)("$name", ({ name, ...facts }) => {
  const golden = JSON.parse(readFileSync(join(fixtures, "goldens", "relatives", `${name}.json`), "utf8"));
  const padId = "padTokenId" in facts ? facts.padTokenId : -1;
  // Versions of transformers read at different places in them.
  const isPadded = ({ ids }: Row) => ids.some((id, i) => id === padId && ids.slice(i).some((next) => next !== padId));
  const rows: readonly Row[] = [...golden.texts, ...golden.conversations].filter((row) => !isPadded(row));
  // Longer texts than the window would get a number without it.
  const scorable = rows.filter(({ score, ids }) => score !== undefined && ids.length <= facts.maxTokens);
  const step = Math.max(1, Math.floor(scorable.length / SCORED));
  const scored = scorable.filter(({ messages }, i) => messages !== undefined || i % step === 0);
  let path: string;
  let model: RewardModel;
  beforeAll(async () => {
    path = await ggufOf(name, "f32");
    model = await loadRewardModel({ modelPath: path, ...settings });
  });
  afterAll(() => model?.close());

  async function expectScores(of: RewardModel, [largest, median]: readonly [number, number]): Promise<void> {
    const results = await of.score(scored.map(itemOf));
    const differences = results.map(({ score }, i) => Math.abs(score - (scored[i]?.score as number)));
    differences.sort((a, b) => a - b);
    expect(differences.at(-1)).toBeLessThan(largest);
    expect(differences[differences.length >> 1]).toBeLessThan(median);
  }

  it("is recognised, and the file says what the checkpoint says", async () => {
    expect(await inspectModel({ modelPath: join(fixtures, "checkpoints", name) })).toMatchObject({ profile, ...facts });
    expect(await inspectModel({ modelPath: path })).toMatchObject({ profile, ...facts });
  });

  it("has the reference's ids for every text and conversation", async () => {
    expect(scored.length).toBeGreaterThan(50);
    const tokenizer = await loadTokenizer({ modelPath: path });
    const outcomes = await tokenizer.tokenizeEach(rows.map(itemOf));
    for (const [i, { ids, contradiction, text, messages }] of rows.entries()) {
      const outcome = outcomes[i];
      const label = JSON.stringify(text ?? messages);
      if (ids.length === 0 || ids.length > facts.maxTokens || contradiction)
        expect(isStarlingError(outcome), label).toBe(true);
      else if (isStarlingError(outcome)) throw outcome;
      else expect([...(outcome?.ids ?? [])], label).toEqual(ids);
    }
  });

  it("has the reference's scores", () => expectScores(model, tolerance.f32));

  it.each(["auto", "off"] as const)("stays within the named tolerance at f16, own kernels %s", async (kernels) => {
    await using half = await loadRewardModel({ modelPath: await ggufOf(name, "f16"), ...settings, kernels });
    await expectScores(half, tolerance.f16);
  });

  it("stays within the named tolerance in packed batches", async () => {
    await using packed = await loadRewardModel({ modelPath: path, ...settings, batchMode: "packed" });
    await expectScores(packed, tolerance.packed);
  });

  it("scores the same to the last bit alone and in company, with prefixes shared or not", async () => {
    const items = scored
      .filter(({ ids }) => ids.length < 120)
      .slice(-40)
      .map(itemOf);
    await using alone = await loadRewardModel({
      modelPath: await ggufOf(name, "f16"),
      ...settings,
      sharePrefixes: false,
    });
    await using shared = await loadRewardModel({ modelPath: await ggufOf(name, "f16"), ...settings, batchTokens: 20 });
    const expected: number[] = [];
    for (const item of items) expected.push((await alone.score([item]))[0]?.score as number);
    expect((await shared.score(items.toReversed())).map(({ score }) => score).toReversed()).toEqual(expected);
    await using prompt = await shared.openPrompt({ prompt: "Who are you, starling?" });
    const [single] = await alone.score([{ prompt: "Who are you, starling?", response: "A bird." }]);
    expect((await prompt.score("A bird.")).score).toBe(single?.score);
  });
});

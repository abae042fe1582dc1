/** Every kind of head on a GGUF without one: the scores of convert at the same type, to the bit, and what convert tells. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { attach, convert } from "../../src/entry/convert.ts";
import { loadRewardModel, type ScoreItem } from "../../src/index.ts";
import { makeLanguageModel } from "../language-model.ts";
import { familyCheckpoint } from "./family-checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-attached-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const items: ScoreItem[] = [
  { text: "A starling sings." },
  { prompt: "Who are you?", response: "I am a starling, a bird of the garden." },
  { prompt: "Who are you?", response: "No." },
];

async function loaded(modelPath: string) {
  await using model = await loadRewardModel({ modelPath, gpu: "off", threads: 1, templateDate: "2024-07-26" });
  const { profile, direction, normalization, positionNotice } = model.info;
  return {
    scores: (await model.score(items)).map(({ score }) => score),
    profile,
    direction,
    normalization,
    positionNotice,
  };
}

/** One of each kind of head, position and vocabulary. */
const names = ["athene", "beaver-reward", "beaver-cost", "ziya", "grm", "nemotron", "skywork-v2-llama"];
const cases: [name: string, options: object][] = [
  ...names.map((name): [string, object] => [name, {}]),
  ["openrlhf", { normalizeReward: true }],
  ["beaver-cost", { normalizeReward: false }],
  ["trl-new", { scorePosition: "first-padding" }],
];

describe("a head on a GGUF without one", () => {
  it.each(cases)("of %s with %j scores as converted, whole and from parts to parts", async (name, options) => {
    const key = `${name}-${Object.keys(options).join()}`;
    const head = familyCheckpoint(name, join(folder, key));
    const [model, trunk] = [join(folder, `${key}.gguf`), join(folder, `${key}.trunk.gguf`)];
    const converted = await convert({ checkpoint: head, output: model, type: "q8_0", ...options });
    const expected = await loaded(model);
    expect(new Set(expected.scores).size).toBeGreaterThan(1);
    const output = join(folder, `${key}.attached.gguf`);
    const whole = await attach({ trunk: await makeLanguageModel(model, trunk), head, output, ...options });
    expect(await loaded(whole.output)).toEqual(expected);
    for (const notice of converted.notices ?? []) expect(whole.notices).toContain(notice);
    const split = join(folder, `${key}.split.gguf`);
    const { parts = [] } = await attach({ trunk, head, output: split, splitSize: 40_000, ...options });
    expect(parts.length).toBeGreaterThan(1);
    const again = join(folder, `${key}.again.gguf`);
    const joined = { trunk: parts[0] as string, head, output: again, replaceHead: true, splitSize: 60_000 };
    expect(await loaded((await attach({ ...joined, ...options })).output)).toEqual(expected);
  });
});

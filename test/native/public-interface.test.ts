/** What the public functions share: "tiny" as a model, one shape of progress, prompts with a system turn. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import { convert, inspectModel } from "../../src/entry/convert.ts";
import { compareModels, evaluate } from "../../src/entry/eval.ts";
import { fitModel, replaceHead, writeHead } from "../../src/entry/fit.ts";
import { diagnose, loadRewardModel, loadTokenizer, type Progress, predictMemory } from "../../src/index.ts";
import { embeddedModelPath } from "../../src/model-path.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-public-"));
const place = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const load = { gpu: "off", threads: 1 } as const;

describe('the model "tiny"', () => {
  it("is the demonstration model wherever a model is named", async () => {
    const path = await embeddedModelPath();
    await using model = await loadRewardModel({ modelPath: "tiny", ...load });
    expect(model.info.path).toBe(path);
    const items = [{ text: "Hello!" }];
    const [tokens] = await (await loadTokenizer({ modelPath: "tiny" })).tokenize(items);
    expect(tokens?.ids).toEqual((await model.tokenize(items))[0]?.ids);
    expect(await inspectModel({ modelPath: "tiny" })).toMatchObject({ path, kind: "gguf" });
    expect((await predictMemory({ modelPath: "tiny", ...load, kernels: "off" })).weights).toBe(model.info.size);
    expect((await diagnose({ modelPath: "tiny", load })).model).toMatchObject({ path });
    const { head } = model;
    expect(await writeHead({ modelPath: "tiny", output: place("head.gguf"), head })).toMatchObject({
      bytes: expect.any(Number),
    });
    expect(await replaceHead({ modelPath: "tiny", output: place("model.gguf"), head })).toMatchObject({
      tensors: expect.any(Number),
    });
  });

  it('is not a file of that name, which is "./tiny"', async () => {
    const before = process.cwd();
    copyFileSync(await embeddedModelPath({ type: "q8_0" }), place("tiny"));
    process.chdir(folder);
    try {
      expect(await inspectModel({ modelPath: "./tiny" })).toMatchObject({ path: "./tiny", fileType: "q8_0" });
      expect(await inspectModel({ modelPath: "tiny" })).toMatchObject({ fileType: "f16" });
    } finally {
      process.chdir(before);
    }
  });
});

describe("a loaded model as data", () => {
  it("is its info as JSON, and shows nothing of its file", async () => {
    await using model = await loadRewardModel({ modelPath: "tiny", ...load });
    expect(JSON.stringify(model)).toBe(JSON.stringify(model.info));
    expect(Object.keys(model)).toEqual(["info", "tokenizer"]);
  });

  it("has tokens with the documented fields only", async () => {
    const tokenizer = await loadTokenizer({ modelPath: "tiny" });
    const [tokens] = await tokenizer.tokenize([{ prompt: "Hi", response: "Hello" }]);
    expect(Object.keys(tokens ?? {}).sort()).toEqual(["ids", "scorePosition", "totalTokens", "truncated"]);
  });

  it("has a tokenizer that outlives it", async () => {
    const model = await loadRewardModel({ modelPath: "tiny", ...load });
    const before = await model.tokenize([{ prompt: "Hi", response: "Hello" }]);
    await model.close();
    expect(await model.tokenizer.tokenize([{ prompt: "Hi", response: "Hello" }])).toEqual(before);
  });
});

describe("a prompt with two system turns", () => {
  it("is blamed for them, not a response", async () => {
    await using model = await loadRewardModel({ modelPath: "tiny", ...load });
    const prompt = [
      { role: "system", content: "a" },
      { role: "user", content: "b" },
    ] as const;
    const message = 'prompt has two system turns, "system" and its first message: leave one of them out.';
    await expect(model.rank({ prompt, system: "c", responses: ["d"] })).rejects.toThrow(message);
    await expect(model.openPrompt({ prompt, system: "c" })).rejects.toThrow(message);
  });
});

describe("a conversation", () => {
  const messages = [{ role: "user", content: "Name a fruit." }] as const;
  const responses = ["I hate you.", "An apple."];

  it("is ranked and opened in each of its forms, with the scores of score()", async () => {
    await using model = await loadRewardModel({ modelPath: "tiny", ...load });
    for (const system of [undefined, "Be brief."]) {
      const named = system === undefined ? {} : { system };
      const scored = await model.score(responses.map((response) => ({ prompt: messages, response, ...named })));
      const expected = scored.map(({ score }) => score);
      const row = { id: 7, prompt_id: "x", strict: "data", messages, responses, ...named };
      const forms = [
        row,
        { messages, ...named },
        { prompt: messages, ...named },
        { prompt: "Name a fruit.", ...named },
      ];
      const plain = system === undefined ? ["Name a fruit.", messages] : [];
      for (const conversation of [...plain, ...forms]) {
        const ranked = await model.rank(conversation, row.responses);
        expect(ranked.map(({ index }) => index)).toEqual([1, 0]);
        expect(ranked.map(({ score, index }) => score === expected[index])).toEqual([true, true]);
        await using ranking = await model.openPrompt(conversation, {});
        for (const [i, response] of responses.entries())
          expect((await ranking.score(response)).score).toBe(expected[i]);
      }
      expect((await model.rank({ ...row, strict: false })).map(({ index }) => index)).toEqual([1, 0]);
    }
  });

  it.each([
    [{ prompt: "a", sytem: "b" }, 'has no option "sytem". Did you mean "system"?'],
    [{ prompt: "a", messages }, "it has both"],
    [{ id: 3 }, "it has neither"],
    [{ messages: "a" }, "for messages but received the string"],
    [{ messages: [...messages, { role: "assistant", content: "b" }] }, "Expected the last message of messages"],
    [{ prompt: "a", tools: ["b"] }, 'The conversation has "tools"'],
    [{ prompt: "a", system: 3 }, "Expected a string for system but received 3"],
  ])("that is %j is refused", async (conversation, message) => {
    await using model = await loadRewardModel({ modelPath: "tiny", ...load });
    await expect(model.rank(conversation as never, responses)).rejects.toThrow(message);
    await expect(model.openPrompt(conversation as never)).rejects.toThrow(message);
  });
});

describe("progress", () => {
  /** The phases in the order in which they began. */
  async function phasesOf(call: (onProgress: (progress: Progress) => void) => Promise<unknown>): Promise<string[]> {
    const phases: string[] = [];
    let before: Progress | undefined;
    await call((progress) => {
      const { phase, fraction, model } = progress;
      if (fraction !== undefined) {
        expect(fraction).toBeGreaterThanOrEqual(0);
        expect(fraction).toBeLessThanOrEqual(1);
        if (before?.phase === phase && before.model === model)
          expect(fraction).toBeGreaterThanOrEqual(before.fraction ?? 0);
      }
      if (phases.at(-1) !== phase) phases.push(phase);
      before = progress;
    });
    return phases;
  }

  it("has one shape in every call", async () => {
    const input = place("pairs.jsonl");
    const rows = [
      { prompt: "Name a fruit.", chosen: "An apple.", rejected: "I hate you." },
      { prompt: "Name a colour.", chosen: "Blue.", rejected: "I hate you." },
      { prompt: "Name a stone.", chosen: "Granite.", rejected: "I hate you." },
    ];
    writeFileSync(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const data = { benchmark: "pairs", inputs: [input] } as const;
    const cacheFolder = place("cache");
    await using model = await loadRewardModel({ modelPath: "tiny", ...load });
    const { head } = model;
    const items = [{ text: "a" }, { text: "b" }];
    const output = place("made.gguf");
    expect(await phasesOf((onProgress) => model.score(items, { onProgress }))).toEqual(["scoring"]);
    expect(
      await phasesOf((onProgress) => convert({ checkpoint: embeddedCheckpoint(), output, type: "f16", onProgress })),
    ).toEqual(["converting"]);
    expect(
      await phasesOf((onProgress) => replaceHead({ modelPath: output, output: place("copy.gguf"), head, onProgress })),
    ).toEqual(["writing"]);
    expect(
      await phasesOf((onProgress) =>
        evaluate({ modelPath: output, benchmarks: [data], cacheFolder, load, onProgress }),
      ),
    ).toEqual(["reading", "loading", "hashing", "scoring"]);
    const models = ["tiny", output] as const;
    expect(await phasesOf((onProgress) => compareModels({ models, data, cacheFolder, load, onProgress }))).toContain(
      "scoring",
    );
    const fitted = await phasesOf((onProgress) =>
      fitModel({ modelPath: output, data, output: place("fitted.gguf"), cacheFolder, load, ridge: 0.1, onProgress }),
    );
    expect(fitted.filter((phase) => phase !== "hashing")).toEqual(["loading", "extracting", "fitting", "writing"]);
  });
});

it("rank and openPrompt take a system turn and a conversation, as score does", async () => {
  await using model = await loadRewardModel({ modelPath: "tiny", ...load });
  const responses = ["An apple.", "I hate you."];
  const system = "Be kind.";
  const conversation = [
    { role: "user", content: "Hello!" },
    { role: "assistant", content: "Hello." },
    { role: "user", content: "Name a fruit." },
  ] as const;
  for (const prompt of ["Name a fruit.", conversation]) {
    const scores = (await model.score(responses.map((response) => ({ prompt, response, system })))).map(
      ({ score }) => score,
    );
    const ranked = await model.rank({ prompt, responses, system });
    expect(ranked.map(({ index, score }) => [index, score])).toEqual(
      scores.map((score, i) => [i, score]).sort(([, a = 0], [, b = 0]) => b - a),
    );
    await using ranking = await model.openPrompt({ prompt, system });
    for (const [i, response] of responses.entries()) expect((await ranking.score(response)).score).toBe(scores[i]);
  }
  await expect(model.rank({ prompt: "a", responses, tools: ["b"] } as never)).rejects.toThrow(
    'The conversation has "tools", which belongs to the input',
  );
});

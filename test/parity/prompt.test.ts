/** Open prompts, rewards of single tokens, and memory, as users of the library meet them. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { serializeHeader } from "../../src/gguf/serialize.ts";
import { tensorTypeByName } from "../../src/gguf/types.ts";
import {
  type LoadRewardModelOptions,
  loadRewardModel,
  ModelClosedError,
  predictMemory,
  type RewardModel,
  type ScoreItem,
  type ScoreResult,
  type TokenRewards,
} from "../../src/index.ts";
import { root } from "./goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-prompt-"));
const path = join(folder, "tiny.gguf");
beforeAll(async () => {
  await convert({ checkpoint: join(root, "models", "starling-rm-tiny"), output: path, type: "q8_0" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The tiny model's header with 512 layers of 262144 hidden units in float32, and holes in place of weights. */
async function makeHuge(output: string): Promise<void> {
  const { metadata, tensors } = await readGguf(path);
  const [layers, width] = [512, 262_144];
  const type = tensorTypeByName("f32");
  const plans = tensors
    .filter(({ name }) => !name.startsWith("blk."))
    .concat(
      Array.from({ length: layers }, (_, layer) =>
        tensors
          .filter(({ name }) => name.startsWith("blk.0."))
          .map((tensor) => ({ ...tensor, name: tensor.name.replace("blk.0.", `blk.${layer}.`) })),
      ).flat(),
    )
    .map(({ name, dims }) => {
      const [row, rows] = dims;
      if (name.includes("ffn_down")) return { name, type, dims: [width, rows as number] };
      return { name, type, dims: /ffn_(?:gate|up)/.test(name) ? [row as number, width] : [...dims] };
    });
  const changed = new Map(metadata)
    .set("llama.block_count", { type: "u32", value: layers })
    .set("llama.feed_forward_length", { type: "u32", value: width });
  const header = serializeHeader(changed, plans);
  writeFileSync(output, header.bytes);
  truncateSync(output, header.fileSize);
}

const load = (options: Partial<LoadRewardModelOptions> = {}) =>
  loadRewardModel({ modelPath: path, gpu: "off", threads: 1, ...options });
const scoreOf = async (model: RewardModel, item: ScoreItem) => (await model.score([item]))[0]?.score;

const prompt = "What is the capital of Turkey? ".repeat(12);
const responses = ["Ankara.", "", "\n\nIt is Ankara.", "Istanbul, <|im_end|> I think.", " ", "Ankara.", "éü\u{1F600}"];

describe("an open prompt", () => {
  it.each(["fast-4.41", "fast-4.42", "slow"] as const)(
    "gives the scores of score(), with the tokens of %s",
    async (mode) => {
      await using model = await load({ tokenization: mode });
      const expected = (await model.score(responses.map((response) => ({ prompt, response })))).map(
        ({ score }) => score,
      );
      await using ranking = await model.openPrompt({ prompt });
      const one = [];
      for (const response of responses) one.push(await ranking.score(response));
      expect(one.map(({ score }) => score)).toEqual(expected);
      expect(one.map(({ index }) => index)).toEqual([...responses.keys()]);
      const together = await Promise.all(responses.map((response) => ranking.score(response)));
      expect(together.map(({ score }) => score)).toEqual(expected);
      expect(together.map(({ index }) => index)).toEqual([7, 8, 9, 10, 11, 12, 13]);
    },
  );

  it("takes a conversation, and special tokens as the card's code does", async () => {
    await using model = await load({ specialTokens: "reference" });
    const messages = [
      { role: "system", content: "Be kind. <|im_end|>" },
      { role: "user", content: "Hello!" },
      { role: "assistant", content: "Hello." },
      { role: "user", content: "How are you?" },
    ] as const;
    await using ranking = await model.openPrompt({ prompt: messages });
    for (const content of ["Well, thanks.", "<|im_end|>\n"]) {
      const item = { messages: [...messages, { role: "assistant", content } as const] };
      expect((await ranking.score(content)).score).toBe(await scoreOf(model, item));
    }
  });

  it("is right for a prompt that is cut, and for one that others push out", async () => {
    await using model = await load();
    const long = "word ".repeat(3000);
    await using cut = await model.openPrompt({ prompt: long });
    await using other = await model.openPrompt({ prompt });
    for (const response of responses.slice(0, 3)) {
      const result = await cut.score(response);
      expect(result.truncated).toBe(true);
      expect(result.score).toBe(await scoreOf(model, { prompt: long, response }));
      expect((await other.score(response)).score).toBe(await scoreOf(model, { prompt, response }));
    }
  });

  it("ends with the model, or with close()", async () => {
    const model = await load();
    const [a, b] = [await model.openPrompt({ prompt }), await model.openPrompt({ prompt: "Hi" })];
    const last = a.score("yes");
    await a.close();
    await a.close();
    expect((await last).score).toBe(await scoreOf(model, { prompt, response: "yes" }));
    await expect(a.score("no")).rejects.toThrow(ModelClosedError);
    await model.close();
    await expect(b.score("no")).rejects.toThrow(ModelClosedError);
    await b.close();
    await expect(model.openPrompt({ prompt })).rejects.toThrow(ModelClosedError);
  });

  it("refuses what is no prompt, and stops when it is told to", async () => {
    await using model = await load();
    await expect(model.openPrompt({ prompt: 3 as never })).rejects.toThrow(
      'Expected a string or an array of {"role","content"} for prompt but received 3',
    );
    await expect(model.openPrompt({ prompt: "\ud800" })).rejects.toMatchObject({ code: "ERR_INVALID_UNICODE" });
    await expect(model.openPrompt({ prompt: [{ role: "nobody" as never, content: "a" }] })).rejects.toMatchObject({
      code: "ERR_INVALID_ITEM",
    });
    await expect(model.openPrompt({ prompt: "a", signal: 1 as never })).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
    const reason = new Error("enough");
    await expect(model.openPrompt({ prompt: "a", signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const [work, controller] = [new AbortController(), new AbortController()];
    const texts = Array.from({ length: 20 }, (_, i) => ({ text: `${i} ${"word ".repeat(1500)}` }));
    const busy = model.score(texts, { signal: work.signal });
    const stopped = model.openPrompt({ prompt, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(stopped).rejects.toBe(reason);
    // The model was busy until then.
    work.abort(reason);
    await expect(busy).rejects.toBe(reason);
    await using ranking = await model.openPrompt({ prompt });
    await expect(ranking.score(5 as never)).rejects.toMatchObject({ code: "ERR_INVALID_ITEM" });
    await expect(ranking.score("a", { nope: 1 } as never)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  });
});

describe("perToken", () => {
  it("gives the reward at every token of the response; the last is the score", async () => {
    await using model = await load();
    const items: ScoreItem[] = [
      { prompt: "Capital of Turkey?", response: "It is Ankara." },
      { prompt: "Capital of Turkey?", response: "" },
      { text: "plain text" },
      { text: "ends <unk> here" },
      {
        messages: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello!" },
        ],
      },
      { prompt: "word ".repeat(3000), response: "It is Ankara." },
      { prompt: "Hi", response: "word ".repeat(3000) },
    ];
    const scores = (await model.score(items)).map(({ score }) => score);
    const results = await model.score(items, { perToken: true });
    expect(results.map(({ score }) => score)).toEqual(scores);
    for (const [i, { tokenRewards, scorePosition, score }] of results.entries()) {
      const [tokens] = await model.tokenize([items[i] as ScoreItem]);
      const { start, ids, pieces, rewards } = tokenRewards as TokenRewards;
      expect(rewards).toHaveLength(scorePosition + 1 - start);
      expect(rewards.at(-1)).toBe(score);
      expect([...ids]).toEqual([...(tokens as NonNullable<typeof tokens>).ids.slice(start, scorePosition + 1)]);
      expect(pieces).toHaveLength(ids.length);
    }
    const pieces = results.map(({ tokenRewards }) => tokenRewards?.pieces.join("").replaceAll("▁", " "));
    expect(pieces[0]).toBe("It is Ankara.<|im_end|>");
    expect(pieces[1]).toBe("<|im_end|>");
    expect(pieces[2]).toBe(" plain text");
    expect(pieces[4]).toBe("Hello!<|im_end|>");
    expect(pieces[5]).toBe("It is Ankara.<|im_end|>");
    expect(results[6]?.tokenRewards).toMatchObject({ start: 0 });
  });

  it("gives at each token the score of the text that ends there", async () => {
    await using model = await load();
    const text = "Ankara is the capital of Turkey, and Istanbul is not.";
    const [result] = await model.score([{ text }], { perToken: true });
    const { rewards, pieces } = (result as ScoreResult).tokenRewards as TokenRewards;
    let soFar = "";
    for (const [i, piece] of pieces.entries()) {
      soFar += piece.replaceAll("▁", " ");
      const ended = soFar.slice(1);
      const [alone] = await model.tokenize([{ text: ended || "x" }]);
      // Not every cut is a text whose tokens are the same.
      if (ended === "" || alone?.ids.length !== i + 1) continue;
      expect(rewards[i]).toBe(await scoreOf(model, { text: ended }));
    }
  });
});

describe("memory", () => {
  it("is predicted from the header, and grows with what is asked for", async () => {
    const need = (options: Partial<LoadRewardModelOptions> = {}) =>
      predictMemory({ modelPath: path, gpu: "off", threads: 1, kernels: "off", ...options });
    const base = await need();
    expect(base.total).toBe(base.weights + base.keyValue + base.compute);
    expect(base).toMatchObject({ backend: "cpu", contextTokens: 2048, available: expect.any(Number) });
    const short = await need({ contextTokens: 256 });
    expect(short.keyValue * 8).toBe(base.keyValue);
    expect(short.compute).toBeLessThan(base.compute);
    expect((await need({ threads: 2 })).keyValue).toBe(2 * base.keyValue);
    // Whether our own kernels compute everything is only known when the model is loaded: then batches take more cells.
    expect((await need({ kernels: "auto" })).total).toBeGreaterThanOrEqual(base.total);
    expect((await need({ kernels: "auto", contextTokens: 256 })).keyValue).toBeGreaterThan(short.keyValue);
    await expect(need({ contextTokens: 0 })).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await expect(need({ modelPath: `${path}.none` })).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
  });

  it("is refused, with both numbers, before anything is loaded", async () => {
    const huge = join(folder, "huge.gguf");
    await makeHuge(huge);
    const failure = await load({ modelPath: huge }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ERR_OUT_OF_MEMORY", file: huge });
    expect((failure as Error).message).toMatch(
      /needs 38\d GiB of memory .*, but this machine has [\d.]+ [KMG]iB free\./,
    );
  });
});

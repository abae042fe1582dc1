import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/checkpoint/json.ts";
import { parseSentencePiece } from "../../../src/checkpoint/sentencepiece.ts";
import { parseTokenizerConfig } from "../../../src/checkpoint/tokenizer-config.ts";
import { FileError } from "../../../src/errors.ts";
import { sentencePiece, tinySpecialTokensMap, tinyTokenizerConfig } from "../convert/make-checkpoint.ts";

const model = parseSentencePiece(sentencePiece(), "tokenizer.model");
const file = (path: string, value: JsonObject) => ({ path, value });
const parse = (config: JsonObject = {}, map: JsonObject = {}) =>
  parseTokenizerConfig(
    model,
    file("tokenizer_config.json", { ...tinyTokenizerConfig(), ...config }),
    file("special_tokens_map.json", { ...tinySpecialTokensMap(), ...map }),
  );
const decoder = (id: string, token: unknown) => ({ added_tokens_decoder: { [id]: token } });

describe("parseTokenizerConfig", () => {
  it("gathers added and special tokens by id", () => {
    const parsed = parse();
    expect(parsed.addedTokens.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4]);
    expect(parsed).toMatchObject({ beginId: 1, endId: 2, unknownId: 0, padId: 0 });
  });

  it("keeps the flag `normalized`, whose default depends on `special`", () => {
    const parsed = parse({
      added_tokens_decoder: {
        3: { content: "<|im_start|>", special: true, normalized: true },
        4: { content: "<|im_end|>" },
        5: { content: "\n", special: true },
      },
    });
    expect(parsed.addedTokens.map(({ id, special, normalized }) => [id, special, normalized])).toEqual([
      [0, true, false],
      [1, true, false],
      [2, true, false],
      [3, true, true],
      [4, false, true],
      [5, true, false],
    ]);
  });

  it("takes additional special tokens from either file", () => {
    const bare = { added_tokens_decoder: null };
    expect(parse(bare, { additional_special_tokens: ["<|im_start|>"] }).addedTokens.map(({ id }) => id)).toEqual([
      0, 1, 2, 3,
    ]);
    const object = { ...bare, additional_special_tokens: [{ content: "<|im_end|>", lstrip: false }] };
    expect(parse(object).addedTokens.map(({ id }) => id)).toEqual([0, 1, 2, 4]);
  });

  it("takes tokenizer_config.json's word where the two files differ, and cuts out both tokens", () => {
    const config = parse({ bos_token: "<|startoftext|>" }, { bos_token: "<|endoftext|>" });
    expect(config.beginId).toBe(1);
    expect(config.addedTokens.map(({ id }) => id)).toEqual(expect.arrayContaining([1, 2]));
  });

  it("works without either file", () => {
    expect(parseTokenizerConfig(model, undefined, undefined)).toEqual({
      addedTokens: [{ id: 0, content: "<unk>", special: true, normalized: false }],
      unknownId: 0,
      addPrefixSpace: true,
      addBegin: true,
      addEnd: false,
      legacy: true,
      further: [],
    });
  });

  it("reads which tokens are put around a text, and how spaces are placed", () => {
    expect(parse()).toMatchObject({ addBegin: false, addEnd: false, legacy: true });
    expect(parse({ add_bos_token: null, add_eos_token: true, legacy: false })).toMatchObject({
      addBegin: true,
      addEnd: true,
      legacy: false,
    });
  });

  it.each<[string, JsonObject, JsonObject, string, RegExp]>([
    [
      "a content that is not the piece",
      decoder("3", { content: "<|start|>" }),
      {},
      "added_tokens_decoder",
      /is "<\|im_start\|>"/,
    ],
    [
      "an id beyond the pieces",
      decoder("269", { content: "<new>" }),
      {},
      "added_tokens_decoder",
      /beyond the 269 pieces/,
    ],
    ["an id that is no number", decoder("0x3", { content: "a" }), {}, "added_tokens_decoder", /"0x3" as an id/],
    ["a negative id", decoder("-1", { content: "a" }), {}, "added_tokens_decoder", /as an id/],
    ["a token without content", decoder("3", {}), {}, "added_tokens_decoder", /no content/],
    ["a token that is a string", decoder("3", "a"), {}, "added_tokens_decoder", /no content/],
    ["lstrip", decoder("3", { content: "<|im_start|>", lstrip: true }), {}, "added_tokens_decoder", /asks for lstrip/],
    ["rstrip", decoder("3", { content: "<|im_start|>", rstrip: true }), {}, "added_tokens_decoder", /asks for rstrip/],
    [
      "single_word",
      decoder("3", { content: "<|im_start|>", single_word: true }),
      {},
      "added_tokens_decoder",
      /asks for single_word/,
    ],
    [
      "a flag that is no truth value",
      decoder("3", { content: "<|im_start|>", special: 1 }),
      {},
      "added_tokens_decoder",
      /true or false/,
    ],
    ["a decoder that is a list", { added_tokens_decoder: [] }, {}, "added_tokens_decoder", /an object is expected/],
    ["a special token that is no piece", { bos_token: "<s>" }, {}, "bos_token", /"<s>" as bos_token/],
    ["a special token that is a number", { pad_token: 0 }, {}, "pad_token", /a token is expected/],
    ["a special token without content", { pad_token: {} }, {}, "pad_token", /a token is expected/],
    [
      "additional tokens that are no list",
      { additional_special_tokens: "a" },
      {},
      "additional_special_tokens",
      /a list/,
    ],
    ["a BOS that is no truth value", { add_bos_token: 1 }, {}, "add_bos_token", /true or false/],
  ])("refuses %s", (_, config, map, field, message) => {
    let error: unknown;
    try {
      parse(config, map);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", field });
    expect((error as Error).message).toMatch(message);
  });
});

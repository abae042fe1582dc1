import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/checkpoint/json.ts";
import { parseSentencePiece } from "../../../src/checkpoint/sentencepiece.ts";
import { parseTokenizerConfig } from "../../../src/checkpoint/tokenizer-config.ts";
import { FileError } from "../../../src/errors.ts";
import { bytePieces, sentencePiece, tinySpecialTokensMap, tinyTokenizerConfig } from "../convert/make-checkpoint.ts";

const model = parseSentencePiece(sentencePiece(), "tokenizer.model");
const file = (path: string, value: JsonObject) => ({ path, value });
const parse = (config: JsonObject = {}, map: JsonObject = {}) =>
  parseTokenizerConfig(model, {
    config: file("tokenizer_config.json", { ...tinyTokenizerConfig(), ...config }),
    map: file("special_tokens_map.json", { ...tinySpecialTokensMap(), ...map }),
  });
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

  it("takes tokenizer_config.json's word where it has added_tokens_decoder, special_tokens_map.json's where not", () => {
    const map = { bos_token: "<|endoftext|>", additional_special_tokens: ["\n"] };
    const config = parse({ bos_token: "<|startoftext|>" }, map);
    expect([config.beginId, config.addedTokens.map(({ id }) => id)]).toEqual([1, [0, 1, 2, 3, 4]]);
    const bare = parse({ bos_token: "<|startoftext|>", added_tokens_decoder: undefined }, map);
    expect([bare.beginId, bare.addedTokens.map(({ id }) => id)]).toEqual([2, [0, 2, 5]]);
    expect(parse({ added_tokens_decoder: undefined }, { bos_token: null }).beginId).toBeUndefined();
  });

  it("cuts out every token that is named special", () => {
    const bare = { added_tokens_decoder: undefined };
    const ids = (config: JsonObject) => parse({ ...bare, ...config }).addedTokens.map(({ id }) => id);
    for (const field of ["sep_token", "cls_token", "mask_token"])
      expect(ids({ [field]: "<|im_end|>" }), field).toEqual([0, 1, 2, 4]);
    expect(ids({ extra_special_tokens: ["<|im_start|>"] })).toEqual([0, 1, 2, 3]);
    expect(ids({ extra_special_tokens: { image_token: "<|im_end|>" } })).toEqual([0, 1, 2, 4]);
  });

  it("works without either file", () => {
    expect(parseTokenizerConfig(model)).toEqual({
      addedTokens: [{ id: 0, content: "<unk>", special: true, normalized: false }],
      unknownId: 0,
      addPrefixSpace: true,
      addBegin: true,
      addEnd: false,
      legacy: true,
      says: { prefixSpace: false, wrapper: false },
      further: [],
    });
  });

  it("takes LlamaTokenizer's own names where no file has any and the model has those pieces", () => {
    const pieces = [{ piece: "<unk>", type: 2 }, { piece: "<s>", type: 3 }, { piece: "</s>", type: 3 }, ...bytePieces];
    const llama = parseSentencePiece(sentencePiece({ pieces }), "tokenizer.model");
    expect(parseTokenizerConfig(llama)).toMatchObject({ beginId: 1, endId: 2, unknownId: 0 });
    const config = file("tokenizer_config.json", { tokenizer_class: "PreTrainedTokenizerFast", bos_token: null });
    expect(parseTokenizerConfig(llama, { config }).beginId).toBeUndefined();
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
    ["lstrip", decoder("3", { content: "<|im_start|>", lstrip: true }), {}, "added_tokens_decoder", /sets lstrip/],
    ["rstrip", decoder("3", { content: "<|im_start|>", rstrip: true }), {}, "added_tokens_decoder", /sets rstrip/],
    [
      "single_word",
      decoder("3", { content: "<|im_start|>", single_word: true }),
      {},
      "added_tokens_decoder",
      /sets single_word/,
    ],
    [
      "a flag that is not a boolean",
      decoder("3", { content: "<|im_start|>", special: 1 }),
      {},
      "added_tokens_decoder",
      /true or false/,
    ],
    ["a decoder that is a list", { added_tokens_decoder: [] }, {}, "added_tokens_decoder", /expected an object/],
    ["a special token that is not a piece", { bos_token: "<s>" }, {}, "bos_token", /"<s>" as bos_token/],
    ["a special token that is a number", { pad_token: 0 }, {}, "pad_token", /expected a token/],
    ["a special token without content", { pad_token: {} }, {}, "pad_token", /expected a token/],
    [
      "additional tokens that are no list",
      { additional_special_tokens: "a" },
      {},
      "additional_special_tokens",
      /a list/,
    ],
    ["tokens that are split", { split_special_tokens: true }, {}, "split_special_tokens", /not supported/],
    ["a BOS that is not a boolean", { add_bos_token: 1 }, {}, "add_bos_token", /true or false/],
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

describe("added_tokens.json", () => {
  const size = 272;
  const withAdded = (added: JsonObject, config: JsonObject = {}, fast?: JsonObject) =>
    parseTokenizerConfig(
      model,
      {
        config: file("tokenizer_config.json", { ...tinyTokenizerConfig(), added_tokens_decoder: undefined, ...config }),
        map: file("special_tokens_map.json", tinySpecialTokensMap()),
        added: file("added_tokens.json", added),
        ...(fast === undefined ? {} : { fast: file("tokenizer.json", fast) }),
      },
      size,
    );
  const flags = ({ addedTokens }: ReturnType<typeof withAdded>) =>
    addedTokens.map(({ id, content, special, normalized }) => [id, content, special, normalized]);

  it("adds its tokens without added_tokens_decoder: special ones are never normalised, others are", () => {
    const parsed = withAdded(
      { "<|im_start|>": 3, "<|im_end|>": 4, "<new>": 269, "<more>": 270 },
      { additional_special_tokens: ["<|im_start|>", "<more>"] },
    );
    expect(flags(parsed)).toEqual([
      [0, "<unk>", true, false],
      [1, "<|startoftext|>", true, false],
      [2, "<|endoftext|>", true, false],
      [3, "<|im_start|>", true, false],
      [4, "<|im_end|>", false, true],
      [269, "<new>", false, true],
      [270, "<more>", true, false],
    ]);
    expect(parsed.further).toEqual(["<new>", "<more>"]);
  });

  it("gives its ids to special tokens that are named elsewhere", () => {
    expect(withAdded({ "[PAD]": 269 }, { pad_token: "[PAD]" })).toMatchObject({ padId: 269, further: ["[PAD]"] });
  });

  it("is followed by what tokenizer.json adds, which counts where both have a token", () => {
    const fast = {
      added_tokens: [
        { id: 4, content: "<|im_end|>", special: true, normalized: false },
        { id: 5, content: "\n" },
      ],
    };
    expect(flags(withAdded({ "<|im_end|>": 4 }, {}, fast)).slice(3)).toEqual([
      [4, "<|im_end|>", true, false],
      [5, "\n", false, true],
    ]);
  });

  it("may repeat what added_tokens_decoder says", () => {
    const decoder = { added_tokens_decoder: tinyTokenizerConfig()["added_tokens_decoder"] };
    expect(flags(withAdded({ "<|im_end|>": 4, "<unk>": 0 }, decoder))).toHaveLength(5);
  });

  it.each<[string, JsonObject, JsonObject, RegExp]>([
    [
      "another id than added_tokens_decoder",
      { "<|im_end|>": 3 },
      { added_tokens_decoder: { 4: { content: "<|im_end|>" } } },
      /added_tokens\.json adds the token "<\|im_end\|>" as id 3, which added_tokens_decoder/,
    ],
    [
      "a token that added_tokens_decoder lacks",
      { "\n": 5 },
      { added_tokens_decoder: { 4: { content: "<|im_end|>" } } },
      /make them agree/,
    ],
    ["another id than tokenizer.model", { "<|im_end|>": 3 }, {}, /in tokenizer\.model it is "<\|im_start\|>"/],
    ["an id beyond the embeddings", { "<new>": 272 }, {}, /beyond the 269 pieces/],
    ["a gap", { "<new>": 270 }, {}, /added_tokens\.json adds the token "<new>" as id 270, which leaves a gap/],
    ["one id for two tokens", { "<new>": 269, "<more>": 269 }, {}, /the id 269 to the tokens "<new>" and "<more>"/],
    ["no id", { "<new>": "269" }, {}, /the string "269" as the id of the token "<new>"/],
    ["half an id", { "<new>": 269.5 }, {}, /expected a token and its id/],
    ["a token without text", { "": 269 }, {}, /expected a token and its id/],
  ])("is refused with %s", (_, added, config, message) => {
    const refused = () => withAdded(added, config);
    expect(refused).toThrow(FileError);
    expect(refused).toThrow(message);
  });
});

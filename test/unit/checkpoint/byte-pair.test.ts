import { describe, expect, it } from "vitest";
import { parseBytePair } from "../../../src/checkpoint/byte-pair.ts";
import type { JsonObject } from "../../../src/checkpoint/json.ts";
import { FileError } from "../../../src/errors.ts";
import { byteAlphabet } from "../../../src/vocabulary/byte-alphabet.ts";

const LLAMA_3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
type JsonFiles = { map?: { path: string; value: JsonObject }; added?: { path: string; value: JsonObject } };
const vocab = Object.fromEntries([...byteAlphabet(), "ab", "abc"].map((token, id) => [token, id]));
const begin = { id: 258, content: "<s>", special: true, normalized: false };
const model = { type: "BPE", vocab, merges: ["a b", ["ab", "c"]], ignore_merges: true };
const split = { type: "Split", pattern: { Regex: LLAMA_3 }, behavior: "Isolated", invert: false };
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const frame = (single: unknown[]) => ({
  type: "TemplateProcessing",
  single,
  special_tokens: { "<s>": { id: "<s>", ids: [258], tokens: ["<s>"] } },
});
const special = { SpecialToken: { id: "<s>", type_id: 0 } };
const text = { Sequence: { id: "A", type_id: 0 } };

const tokenizer: JsonObject = {
  added_tokens: [begin],
  normalizer: null,
  pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
  post_processor: { type: "Sequence", processors: [byteLevel, frame([special, text])] },
  model,
};
const config: JsonObject = { tokenizer_class: "PreTrainedTokenizerFast", bos_token: "<s>", chat_template: "x" };

const parse = (changes: JsonObject = {}, configChanges: JsonObject = {}, vocabSize = 260, others: JsonFiles = {}) =>
  parseBytePair(
    { path: "tokenizer.json", value: { ...tokenizer, ...changes } },
    { config: { path: "tokenizer_config.json", value: { ...config, ...configChanges } }, ...others },
    vocabSize,
  );

describe("parseBytePair", () => {
  it("reads a byte-level BPE of Llama 3's kind", () => {
    const parsed = parse();
    expect(parsed).toMatchObject({ split: "llama-bpe", ignoreMerges: true, before: [258], after: [], beginId: 258 });
    expect(parsed).toMatchObject({ addedTokens: [begin] });
    expect([parsed.tokens.length, parsed.tokens.at(258)]).toEqual([259, "<s>"]);
    expect([parsed.merges.at(0), parsed.merges.at(1)]).toEqual(["a b", "ab c"]);
  });

  it("reads GPT-2's", () => {
    const parsed = parse({ pre_tokenizer: { ...byteLevel, use_regex: true }, post_processor: byteLevel });
    expect(parsed).toMatchObject({ split: "gpt-2", before: [], after: [] });
  });

  it("reads what stands behind a text", () => {
    expect(parse({ post_processor: frame([text, special]) })).toMatchObject({ before: [], after: [258] });
  });

  const missingModel =
    /tokenizer\.json contains a SentencePiece vocabulary, and tokenizer\.model is missing .* original repository, .* --tokenizer\.$/;
  const edit = (changes: JsonObject) => ({ model: { ...model, ...changes } });
  const { a: _, ...withoutByte } = vocab;

  it.each<[string, JsonObject, JsonObject, RegExp]>([
    ["another kind of model", edit({ type: "WordPiece" }), {}, /WordPiece/],
    ["SentencePiece's Unigram", edit({ type: "Unigram" }), {}, missingModel],
    ["SentencePiece's BPE", edit({ byte_fallback: true }), {}, missingModel],
    ["a token for what is unknown", edit({ unk_token: "<s>" }), {}, /unk_token/],
    ["a vocabulary without a byte", edit({ vocab: withoutByte }), {}, /has no token "a"/],
    ["an id beyond the embeddings", edit({ vocab: { ...vocab, x: 260 } }), {}, /below the vocab_size 260/],
    ["an id twice", edit({ vocab: { ...vocab, xy: 3 } }), {}, /id 3 to two tokens/],
    ["a merge of strangers", edit({ merges: ["a xyz"] }), {}, /"a xyz" as merge 0/],
    ["a merge to nothing", edit({ merges: ["b a"] }), {}, /as merge 0/],
    ["a merge twice", edit({ merges: ["a b", "a b"] }), {}, /as merge 1/],
    ["a normaliser", { normalizer: { type: "NFC" } }, {}, /normaliser/],
    [
      "an unknown expression",
      { pre_tokenizer: { type: "Sequence", pretokenizers: [{ ...split, pattern: { Regex: "\\w+" } }, byteLevel] } },
      {},
      /has an unsupported pre_tokenizer: pre_tokenizer is "Split" \(with the pattern "\\\\+w\+"\), "ByteLevel" \(use_regex false/,
    ],
    [
      "a prefix space",
      { pre_tokenizer: { ...byteLevel, use_regex: true, add_prefix_space: true } },
      {},
      /unsupported pre_tokenizer/,
    ],
    ["no words", { pre_tokenizer: byteLevel }, {}, /unsupported pre_tokenizer/],
    ["an unknown post-processor", { post_processor: { type: "BertProcessing" } }, {}, /post_processor/],
    [
      "a frame of other ids",
      { post_processor: { ...frame([special, text]), special_tokens: {} } },
      {},
      /post_processor/,
    ],
    ["lstrip", { added_tokens: [{ ...begin, lstrip: true }] }, {}, /lstrip/],
    ["an added token twice", { added_tokens: [begin, begin] }, {}, /twice/],
    ["another class", {}, { tokenizer_class: "LlamaTokenizerFast" }, /LlamaTokenizerFast/],
    ["a special token that is not added", {}, { eos_token: "[END]" }, /"\[END\]".*eos_token/],
    [
      "another declaration",
      {},
      { added_tokens_decoder: { 258: { content: "<s>", special: false } } },
      /unlike tokenizer.json/,
    ],
  ])("refuses %s", (_, changes, configChanges, message) => {
    expect(() => parse(changes, configChanges)).toThrow(message);
    expect(() => parse(changes, configChanges)).toThrow(FileError);
  });

  const added = (value: JsonObject) => ({ added: { path: "added_tokens.json", value } });
  const map = (value: JsonObject) => ({ map: { path: "special_tokens_map.json", value } });

  it("takes added_tokens.json and special_tokens_map.json that say what tokenizer.json says", () => {
    expect(
      parse({}, { bos_token: undefined }, 260, { ...added({ "<s>": 258 }), ...map({ bos_token: "<s>" }) }).beginId,
    ).toBe(258);
  });

  it("puts a pad_token that tokenizer.json lacks behind all others, where the embeddings have a row for it", () => {
    const model = parse({}, { pad_token: "[PAD]" }, 261);
    expect(model.padId).toBe(model.tokens.length - 1);
    expect(model.addedTokens.at(-1)).toMatchObject({ content: "[PAD]", special: true });
  });

  it("does not read special_tokens_map.json beside added_tokens_decoder, as transformers does not", () => {
    const decoder = { added_tokens_decoder: { 258: { content: "<s>", special: true } } };
    expect(parse({}, decoder, 260, map({ pad_token: "[PAD]" })).padId).toBeUndefined();
    expect(() => parse({}, {}, 260, map({ pad_token: "[PAD]" }))).toThrow(
      /special_tokens_map\.json names the string "\[PAD\]" as pad_token/,
    );
  });

  it.each<[string, JsonObject, RegExp]>([
    ["another id", { "<s>": 257 }, /added_tokens\.json adds the token "<s>" as id 257, unlike tokenizer\.json/],
    ["a token more", { "[PAD]": 259 }, /added_tokens\.json adds the token "\[PAD\]"/],
  ])("refuses an added_tokens.json with %s", (_name, value, message) => {
    expect(() => parse({}, {}, 260, added(value))).toThrow(message);
  });
});

/** tokenizer.json beside tokenizer.model: genuine pairs, as transformers made them, and pairs that were changed. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareTokenizers } from "../../../src/checkpoint/compare-tokenizers.ts";
import { parseFastTokenizer } from "../../../src/checkpoint/fast-tokenizer.ts";
import type { JsonObject } from "../../../src/checkpoint/json.ts";
import { parseSentencePiece, type SentencePieceModel } from "../../../src/checkpoint/sentencepiece.ts";
import { convertedMerges, type MergeList, reordered } from "../../../src/checkpoint/sentencepiece-merges.ts";
import { parseTokenizerConfig } from "../../../src/checkpoint/tokenizer-config.ts";
import { agreedTokenization } from "../../../src/checkpoint/vocabulary.ts";
import type { SentencePieceMode } from "../../../src/vocabulary/tokenization.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

interface Json {
  added_tokens: { id: number; content: string; special: boolean; normalized: boolean; lstrip: boolean }[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  model: { vocab: Record<string, number>; merges: (string | [string, string])[]; [name: string]: unknown };
  [name: string]: unknown;
}

/** The fixture checkpoint's files, and tokenizer.json as a version of transformers wrote it, perhaps changed. */
function vocabularyOf(name: string, version: string, change: (file: Json) => void = () => {}, config: JsonObject = {}) {
  const folder = `checkpoints/${name}`;
  const pieces = parseSentencePiece(readFileSync(fixture(`${folder}/tokenizer.model`)), "tokenizer.model");
  const value = { ...json(fixture(`${folder}/tokenizer_config.json`)), ...config };
  const tokenizer = parseTokenizerConfig(pieces, { config: { path: "tokenizer_config.json", value } });
  const file: Json = json(fixture(`tokenizer-json/${name}-${version}.json`));
  change(file);
  return {
    kind: "sentencepiece" as const,
    pieces,
    tokenizer,
    fast: parseFastTokenizer({ path: "t.json", value: file }),
  };
}

const differences = (vocabulary: ReturnType<typeof vocabularyOf>, mode: SentencePieceMode, oldSpellings = false) =>
  compareTokenizers(vocabulary, mode, oldSpellings);

describe("a tokenizer.json that transformers made of tokenizer.model", () => {
  it.each<[string, string, SentencePieceMode[]]>([
    ["adversarial-prefix", "4.36.2", ["fast-4.41", "slow"]],
    ["adversarial-prefix", "4.41.2", ["fast-4.41", "slow"]],
    ["adversarial-prefix", "4.44.2", ["fast-4.42", "slow"]],
    ["adversarial-prefix", "4.57.6", ["fast-4.42", "slow"]],
    ["adversarial-tied", "4.41.2", ["fast-4.41", "slow"]],
    // Its pieces of equal scores overlap: from 4.44 on they are merged in another order, which gives other ids.
    ["adversarial-tied", "4.44.2", ["slow"]],
    ["adversarial-tied", "4.57.6", ["slow"]],
    ["mha-f32", "4.41.2", ["fast-4.41", "slow"]],
    // Spaces go elsewhere from 5 on.
    ["mha-f32", "5.23.0", ["slow"]],
  ])("%s, %s, is what %j stand for", (name, version, expected) => {
    const vocabulary = vocabularyOf(name, version);
    const modes: SentencePieceMode[] = ["fast-4.41", "fast-4.42", "slow"];
    expect(modes.filter((mode) => differences(vocabulary, mode, true).count === 0)).toEqual(expected);
  });

  it("may spell ids 1 and 2 as 4.36 to 4.38 did, where tokenizer.model is followed", () => {
    const vocabulary = vocabularyOf("adversarial-prefix", "4.36.2");
    expect(differences(vocabulary, "fast-4.41", false).field).toBe("added_tokens");
    expect(() => agreedTokenization(vocabulary, "tokenizer.json", undefined)).toThrow(/"<s>" as id 1/);
    expect(agreedTokenization(vocabulary, "tokenizer.model", undefined)).toBe("fast-4.41");
  });

  it("passes with other keys, orders and fields that change no id", () => {
    const vocabulary = vocabularyOf("adversarial-prefix", "4.41.2", (file) => {
      file["truncation"] = { max_length: 512, strategy: "LongestFirst", stride: 0, direction: "Right" };
      file["padding"] = { strategy: "BatchLongest", pad_id: 0, pad_token: "<unk>" };
      file["version"] = "2.0";
      file.added_tokens.reverse();
      file.normalizer = {
        normalizers: [
          { content: "▁", pattern: { String: " " }, type: "Replace" },
          { prepend: "▁", type: "Prepend" },
        ],
        type: "Sequence",
      };
      file.model = {
        merges: file.model.merges.map((merge) => (merge as string).split(" ") as [string, string]),
        vocab: Object.fromEntries(Object.entries(file.model.vocab).reverse()),
        byte_fallback: true,
        unk_token: null,
        fuse_unk: false,
      };
      file.post_processor = null;
    });
    expect(String(differences(vocabulary, "fast-4.41"))).toBe("nothing");
  });

  it("may leave out of its vocabulary what it cuts out of text before", () => {
    const vocabulary = vocabularyOf("adversarial-prefix", "4.44.2", (file) => {
      delete file.model.vocab["<|im_end|>"];
      const isGone = (merge: string | string[]) => merge.includes("<|im_end|>");
      file.model.merges = file.model.merges.filter((merge) => !isGone(merge));
    });
    expect(String(differences(vocabulary, "fast-4.42"))).toBe("nothing");
  });

  it("decides the mode where it is followed, and asks for it where tokenizer.model is", () => {
    const vocabulary = vocabularyOf("adversarial-prefix", "4.44.2");
    expect(agreedTokenization(vocabulary, "tokenizer.json", undefined)).toBe("fast-4.42");
    expect(agreedTokenization(vocabulary, "tokenizer.model", "fast-4.42")).toBe("fast-4.42");
    expect(() => agreedTokenization(vocabulary, "tokenizer.model", undefined)).toThrow(/--tokenization fast-4\.42/);
    expect(() => agreedTokenization(vocabulary, "tokenizer.json", "fast-4.41")).toThrow(/--tokenization fast-4\.42/);
  });
});

/** Exchanges the ids of two pieces. */
function swap(vocab: Record<string, number>, a: number, b: number): void {
  for (const [token, id] of Object.entries(vocab)) if (id === a || id === b) vocab[token] = id === a ? b : a;
}

describe("a tokenizer.json that says something else", () => {
  const changes: [string, string, RegExp, (file: Json) => void][] = [
    [
      "a swapped pair of pieces",
      "model.vocab",
      /the id 4\d1, and tokenizer\.model gives it 4\d0 .*first of 2/,
      (f) => swap(f.model.vocab, 470, 471),
    ],
    [
      "a piece less",
      "model.vocab",
      /has no piece/,
      (f) => delete f.model.vocab[Object.keys(f.model.vocab)[470] as string],
    ],
    [
      "a piece more",
      "model.vocab",
      /has the token "newtoken" \(id 480\)/,
      (f) => Object.assign(f.model.vocab, { newtoken: 480 }),
    ],
    ["a merge less", "model.merges", /has no merge/, (f) => f.model.merges.splice(70, 1)],
    ["a merge more", "model.merges", /has the merge "a" \+ "b", which/, (f) => f.model.merges.push("a b")],
    ["a merge twice", "model.merges", /twice/, (f) => f.model.merges.push(f.model.merges[3] as string)],
    ["a merge of no pieces", "model.merges", /not a piece/, (f) => f.model.merges.push("qqq zzz")],
    [
      "two merges exchanged",
      "model.merges",
      /its merge 50 is .*first of 2/,
      ({ model: { merges } }) => merges.splice(50, 2, merges[51] as string, merges[50] as string),
    ],
    ["its merges the other way round", "model.merges", /its merge 0 is/, (f) => f.model.merges.reverse()],
    [
      "an added token more",
      "added_tokens",
      /adds the token "the" as id 300, which the other files do not/,
      (f) => f.added_tokens.push({ ...(f.added_tokens[0] as Json["added_tokens"][0]), id: 300, content: "the" }),
    ],
    [
      "an added token less",
      "added_tokens",
      /does not add the token "<\|im_sep\|>" \(id 8\)/,
      (f) => f.added_tokens.pop(),
    ],
    [
      "another content",
      "added_tokens",
      /where the other files have "<\|im_end\|>"/,
      (f) => Object.assign(f.added_tokens[4] as object, { content: "<|im_stop|>" }),
    ],
    [
      "a changed special flag",
      "added_tokens",
      /with special false, where the other files say true/,
      (f) => Object.assign(f.added_tokens[4] as object, { special: false }),
    ],
    [
      "a changed normalized flag",
      "added_tokens",
      /with normalized true/,
      (f) => Object.assign(f.added_tokens[4] as object, { normalized: true }),
    ],
    ["no normaliser", "normalizer", /puts spaces elsewhere/, (f) => Object.assign(f, { normalizer: null })],
    [
      "another normaliser",
      "normalizer",
      /puts spaces elsewhere/,
      (f) => Object.assign(f, { normalizer: { type: "NFKC" } }),
    ],
    [
      "a normaliser more",
      "normalizer",
      /puts spaces elsewhere/,
      ({ normalizer }) => (normalizer as { normalizers: unknown[] }).normalizers.push({ type: "Lowercase" }),
    ],
    [
      "no prepended space",
      "normalizer",
      /puts spaces elsewhere/,
      ({ normalizer }) => (normalizer as { normalizers: unknown[] }).normalizers.shift(),
    ],
    [
      "a Metaspace",
      "pre_tokenizer",
      /its pre_tokenizer/,
      (f) =>
        Object.assign(f, {
          normalizer: null,
          pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false },
        }),
    ],
    [
      "a second pre-tokeniser",
      "pre_tokenizer",
      /its pre_tokenizer/,
      (f) => Object.assign(f, { pre_tokenizer: { type: "Digits", individual_digits: true } }),
    ],
    [
      "no byte fallback",
      "model.byte_fallback",
      /false as byte_fallback; expected true/,
      (f) => Object.assign(f.model, { byte_fallback: false }),
    ],
    [
      "words taken whole",
      "model.ignore_merges",
      /true as ignore_merges/,
      (f) => Object.assign(f.model, { ignore_merges: true }),
    ],
    ["a dropout", "model.dropout", /0\.1 as dropout/, (f) => Object.assign(f.model, { dropout: 0.1 })],
  ];

  it.each(changes)("has %s: refused for the field %s", (_name, field, message, change) => {
    const vocabulary = vocabularyOf("adversarial-prefix", "4.41.2", change);
    for (const follows of ["tokenizer.model", "tokenizer.json"] as const) {
      const refused = () => agreedTokenization(vocabulary, follows, undefined);
      expect(refused).toThrow(message);
      expect(refused).toThrow(expect.objectContaining({ code: "ERR_INVALID_CHECKPOINT", field, file: "t.json" }));
    }
    // The slow tokenizer has no such normaliser and does not look at the flag `normalized`.
    const isSlows = !["normalizer", "pre_tokenizer"].includes(field) && !/normalized/.test(String(message));
    expect(differences(vocabulary, "slow").count > 0).toBe(isSlows);
  });

  it.each<[string, RegExp, (file: Json) => void]>([
    ["no model", /has no model/, (f) => Object.assign(f, { model: null })],
    ["another kind of model", /"Unigram"/, (f) => Object.assign(f.model, { type: "Unigram" })],
    ["an id that is none", /as id; expected a number/, (f) => Object.assign(f.model.vocab, { a: "1" })],
    ["merges of three", /expected two tokens/, (f) => f.model.merges.push("a b c")],
    ["no merges", /as merges; expected a list/, (f) => Object.assign(f.model, { merges: null })],
    ["stripping", /sets lstrip/, (f) => Object.assign(f.added_tokens[3] as object, { lstrip: true })],
  ])("has %s: refused at once", (_, message, change) => {
    expect(() => vocabularyOf("adversarial-prefix", "4.41.2", change)).toThrow(message);
  });

  it("is told by what differs from the version that made it", () => {
    const refusal = (version: string, change: (file: Json) => void) => {
      try {
        return agreedTokenization(vocabularyOf("adversarial-prefix", version, change), "tokenizer.json", undefined);
      } catch (error) {
        return String(error);
      }
    };
    const flag = (file: Json) =>
      Object.assign(file.added_tokens[4] as object, { special: !file.added_tokens[4]?.special });
    expect(refusal("4.57.6", flag)).toMatch(
      /read as fast-4\.42: it adds the token "<\|Assistant\|>" as id 4 with special false, where the other files say true\. Use/,
    );
    expect(refusal("4.57.6", ({ model: { merges } }) => merges.reverse())).toMatch(
      /read as fast-4\.42: its merge 0 is/,
    );
  });

  it("is refused with another add_prefix_space in tokenizer_config.json", () => {
    const kept = (file: Json) =>
      Object.assign(file, { normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" } });
    const spaces = { add_prefix_space: false };
    expect(
      differences(
        vocabularyOf("adversarial-prefix", "4.41.2", () => {}, spaces),
        "fast-4.41",
      ).field,
    ).toBe("normalizer");
    expect(differences(vocabularyOf("adversarial-prefix", "4.41.2", kept, spaces), "fast-4.41").count).toBe(0);
    // A Metaspace that never puts one in front does the same.
    const never = (file: Json) =>
      Object.assign(file, {
        normalizer: null,
        pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: false },
      });
    expect(differences(vocabularyOf("adversarial-prefix", "4.41.2", never, spaces), "fast-4.41").count).toBe(0);
  });

  it("is believed in what it puts around a text only where tokenizer_config.json says nothing", () => {
    const wrapped = (file: Json) => {
      file.post_processor = {
        type: "TemplateProcessing",
        single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "<|endoftext|>", type_id: 0 } }],
        special_tokens: { "<|endoftext|>": { id: "<|endoftext|>", ids: [2], tokens: ["<|endoftext|>"] } },
      };
    };
    expect(differences(vocabularyOf("adversarial-prefix", "4.41.2", wrapped), "fast-4.41").count).toBe(0);
    const silent = vocabularyOf("adversarial-prefix", "4.41.2", wrapped, { add_bos_token: null, add_eos_token: null });
    const found = differences(silent, "fast-4.41");
    expect([found.field, String(found)]).toEqual([
      "post_processor",
      expect.stringMatching(/ids \[\] .* \[2\] .*puts \[1\] and \[\]/),
    ]);
  });
});

const shared = fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const genuine = (name: string): SentencePieceModel =>
  parseSentencePiece(readFileSync(`${shared}/${name}.tokenizer.model`), "tokenizer.model");
const digest = ({ pieces }: SentencePieceModel, { left, right }: MergeList) => {
  const lines = Array.from(left, (id, i) => `${pieces.at(id)} ${pieces.at(right[i] as number)}`);
  return createHash("sha256").update(lines.join("\n")).digest("hex");
};

/** SHA-256 of the merges, one a line, that transformers 4.36.2 and 4.41.2, 4.44.2 and 4.57.6, and 5.23.0 make. */
describe.each<[string, string, string, string]>([
  [
    "yi",
    "dc1ab34c2d20daa21caa0ce45a05a3177e3319eb1682216e8326d26e4320cd7e",
    "58bc0f8febd5cd48df3197c8b2d93439a1ef98e0066cb05004225257b09d8763",
    "af0e102c1d3026f0de110dff47c27e7501d831d74e0e2ad92c78d484c8d935ae",
  ],
  [
    "llama2",
    "9391208fbdbe52d4dcebad730ecd59d06c28927f51a36c9e9a474bcdbb55588f",
    "58fb742b3ac88f3999a050143a97d1a0a69973ee288b2b66daab9296a6767ec6",
    "8dd1cbf886299dea2255f236399d42cdb5a64933e7b27982589da646399ec28a",
  ],
])("the genuine tokenizer.model of %s (skipped where ../shared/data lacks it)", (name, early, later, latest) => {
  const there = existsSync(`${shared}/${name}.tokenizer.model`);

  it.skipIf(!there)("has the merges that each version of transformers makes of it", () => {
    const model = genuine(name);
    const merges = convertedMerges(model) as MergeList;
    expect(digest(model, merges)).toBe(early);
    expect(digest(model, reordered(merges, model, "4.44"))).toBe(later);
    expect(digest(model, reordered(merges, model, "5"))).toBe(latest);
  });

  it.skipIf(!there)("agrees with its merges in the order of 4.44, and not with two of them exchanged", () => {
    const model = genuine(name);
    const fast = (order: (list: MergeList) => MergeList) => {
      const list = order(convertedMerges(model) as MergeList);
      const text = (id: number | undefined) => model.pieces.at(id as number);
      return parseFastTokenizer({
        path: "t.json",
        value: {
          added_tokens: [0, 1, 2].map((id) => ({ id, content: text(id), special: true, normalized: false })),
          normalizer: {
            type: "Sequence",
            normalizers: [
              { type: "Prepend", prepend: "▁" },
              { type: "Replace", pattern: { String: " " }, content: "▁" },
            ],
          },
          model: {
            byte_fallback: true,
            vocab: Object.fromEntries(Array.from({ length: model.pieces.length }, (_, id) => [text(id), id])),
            merges: Array.from(list.left, (id, i) => [text(id), text(list.right[i])]),
          },
        },
      });
    };
    const tokenizer = parseTokenizerConfig(model);
    const found = (order: (list: MergeList) => MergeList) =>
      compareTokenizers({ pieces: model, tokenizer, fast: fast(order) }, "fast-4.41");
    expect(String(found((list) => reordered(list, model, "4.44")))).toBe("nothing");
    const exchanged = found(({ left, right, merged }) => {
      for (const ids of [left, right, merged]) [ids[500], ids[900]] = [ids[900] as number, ids[500] as number];
      return { left, right, merged };
    });
    expect(String(exchanged)).toMatch(/^its merge 500 is .*the first of 2 differences/);
  });
});

/**
 * Texts that are hard on a tokenizer: the work grows with their length and not with its square, nor with the number of
 * added tokens; and what is cut out of them is what a plain search finds.
 */

import { describe, expect, it } from "vitest";
import type { BytePairVocabulary, EncodeOptions, SentencePieceVocabulary } from "../../src/native/addon.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { byteAlphabet } from "../../src/vocabulary/byte-alphabet.ts";
import { StringTable } from "../../src/vocabulary/string-table.ts";

const { Tokenizer } = loadAddon();
const BYTE_PIECES = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
const FIRST_WORD = 257;
const FIRST_LETTER = 1;

interface Added {
  readonly content: string;
  /** Found inside content, too, which user-defined pieces are. */
  readonly everywhere?: boolean;
  readonly normalized?: boolean;
}

/** `<unk>`, the bytes, some words with merges, and added tokens. */
function sentencePiece(words: readonly string[], added: readonly Added[]): SentencePieceVocabulary {
  const pieces = StringTable.from(["<unk>", ...BYTE_PIECES, ...words, ...added.map(({ content }) => content)]);
  const first = FIRST_WORD + words.length;
  const ids = (wanted: (token: Added) => boolean) =>
    Int32Array.from(added.flatMap((token, i) => (wanted(token) ? [first + i] : [])));
  return {
    kind: "sentencepiece",
    bytes: pieces.bytes,
    offsets: pieces.offsets,
    types: Uint8Array.from({ length: pieces.length }, (_, id) => {
      if (id === 0) return 2;
      if (id < FIRST_WORD) return 6;
      return added[id - first]?.everywhere === true ? 4 : 1;
    }),
    scores: Float32Array.from({ length: pieces.length }, (_, id) => -id),
    addedTokens: ids(({ everywhere }) => everywhere !== true),
    normalizedAddedTokens: ids(({ normalized }) => normalized === true),
    before: new Int32Array(),
    after: new Int32Array(),
    padTokenId: -1,
    addDummyPrefix: false,
    addPrefixSpace: false,
    longestFirst: false,
  };
}

function bytePair(merges: readonly string[], added: readonly Added[], ignoreMerges: boolean): BytePairVocabulary {
  const words = merges.map((merge) => merge.replace(" ", ""));
  const tokens = StringTable.from([...byteAlphabet(), ...words, ...added.map(({ content }) => content)]);
  const table = StringTable.from(merges);
  const first = 256 + words.length;
  return {
    kind: "byte-pair",
    bytes: tokens.bytes,
    offsets: tokens.offsets,
    types: Uint8Array.from({ length: tokens.length }, (_, id) => (id < first ? 1 : 3)),
    addedTokens: Int32Array.from(added, (_, i) => first + i),
    normalizedAddedTokens: Int32Array.from(added.flatMap(({ normalized }, i) => (normalized ? [first + i] : []))),
    before: new Int32Array(),
    after: new Int32Array(),
    padTokenId: -1,
    merges: table.bytes,
    mergeOffsets: table.offsets,
    split: "llama-bpe",
    ignoreMerges,
    composes: false,
  };
}

/** Small and the same everywhere. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The longest token at each place, as one would look for it by hand; bytes in between. */
function cutByHand(parts: readonly string[], added: readonly Added[], firstAdded: number): number[] {
  const text = parts.join("");
  const ids: number[] = [];
  let [part, end] = [0, (parts[0] as string).length];
  for (let at = 0; at < text.length; ) {
    while (end <= at) end += (parts[++part] as string).length;
    let best: { id: number; length: number } | undefined;
    for (const [i, { content, everywhere }] of added.entries()) {
      const inside = everywhere === true || (part % 2 === 0 && at + content.length <= end);
      if (inside && text.startsWith(content, at) && content.length > (best?.length ?? 0))
        best = { id: firstAdded + i, length: content.length };
    }
    ids.push(best?.id ?? FIRST_LETTER + text.charCodeAt(at));
    at += best?.length ?? 1;
  }
  return ids;
}

describe("added tokens", () => {
  it("are found as a plain search finds them: the longest at each place, inside content those alone that may be", async () => {
    const random = randomNumbers(7);
    const word = (most: number) => Array.from({ length: 1 + random(most) }, () => "<a|>"[random(4)]).join("");
    for (let round = 0; round < 200; round++) {
      const contents = new Set(Array.from({ length: 1 + random(60) }, () => word(7)));
      for (const content of contents) if (/^<0x/.test(content)) contents.delete(content);
      const added = [...contents].map((content) => ({ content, everywhere: random(3) === 0 }));
      const tokenizer = new Tokenizer(sentencePiece([], added));
      const texts = Array.from({ length: 10 }, () =>
        Array.from({ length: 1 + 2 * random(3) }, () => (random(5) ? word(40) : "")),
      );
      const encoded = await tokenizer.encode(texts, { mode: "fast-4.42", maxTokens: 1_000_000 });
      for (const [i, parts] of texts.entries()) {
        const expected = cutByHand(parts, added, FIRST_WORD);
        expect([...(encoded[i]?.ids ?? [])], JSON.stringify([parts, added])).toEqual(expected);
      }
    }
  });

  it("with the flag normalized know content from template, with other added tokens between", async () => {
    const added = [{ content: "<b>", normalized: true }, { content: "<s>" }];
    const tokenizer = new Tokenizer(bytePair([], added, false));
    const parts = ["<b>", "<b><s>", "<s><b>", "<b>", "<b><s>"];
    const [encoded] = await tokenizer.encode([parts], { mode: "byte-bpe", maxTokens: 1000 });
    const [b, s] = [256, 257];
    const letters = [..."<b>"].map((letter) => byteAlphabet().indexOf(letter));
    const others = [..."<s>"].map((letter) => byteAlphabet().indexOf(letter));
    expect([...(encoded?.ids ?? [])]).toEqual([b, ...letters, ...others, s, b, ...letters, b, s]);
  });
});

const thousands = Array.from({ length: 4000 }, (_, i) => ({ content: `<|token${i}|>` }));
const normalized = [
  ...thousands.slice(0, 2000),
  ...thousands.slice(2000).map((token) => ({ ...token, normalized: true })),
];
const words = ["a", "aa", "aaaa", "aaaaaaaa", "ab", "aab", "▁", "▁▁", "▁▁▁▁", "▁a"];
const merges = ["a a", "aa aa", "aaaa aaaa", "a b", "aa b", "Ġ Ġ", "ĠĠ ĠĠ", "Ġ a"];

const texts: [string, (length: number) => string[]][] = [
  ["one word", (n) => ["a".repeat(n)]],
  ["one word of two letters", (n) => ["ab".repeat(n / 2)]],
  ["letters that no word has", (n) => ["é".repeat(n / 2)]],
  ["spaces", (n) => [" ".repeat(n)]],
  ["lines", (n) => ["\n ".repeat(n / 2)]],
  ["digits", (n) => ["7".repeat(n)]],
  ["beginnings of added tokens", (n) => ["<|token".repeat(n / 7)]],
  ["added tokens", (n) => ["<|token3999|>".repeat(n / 13)]],
  ["two kinds of added tokens", (n) => ["<|token7|>a<|token3999|>".repeat(n / 24)]],
  ["many parts", (n) => Array.from({ length: n / 8 }, (_, i) => (i % 2 === 0 ? "<|token7|>" : " a <|token8|>"))],
];

const vocabularies: [string, SentencePieceVocabulary | BytePairVocabulary, EncodeOptions["mode"][]][] = [
  ["SentencePiece", sentencePiece(words, thousands), ["fast-4.41", "fast-4.42", "slow"]],
  ["SentencePiece, normalized tokens", sentencePiece(words, normalized), ["fast-4.41"]],
  ["byte-level BPE", bytePair(merges, normalized, false), ["byte-bpe"]],
  ["byte-level BPE, whole words", bytePair(merges, thousands, true), ["byte-bpe"]],
];
const SHORT = 56_000;
const FACTOR = 8;

/** Milliseconds of this process's processor time: a busy machine changes little about it. */
async function cost(
  tokenizer: InstanceType<typeof Tokenizer>,
  parts: string[],
  mode: EncodeOptions["mode"],
): Promise<number> {
  const before = process.cpuUsage();
  await tokenizer.encode([parts], { mode, maxTokens: 2048 });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Least times of both; what other threads did meanwhile counts, too, so the best of some tries is taken. */
async function leastOf(
  few: () => Promise<number>,
  many: () => Promise<number>,
  factor: number,
): Promise<[number, number]> {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let attempt = 0; attempt < 4 && !(most < factor * Math.max(least, 10)); attempt++) {
    least = Math.min(least, await few());
    most = Math.min(most, await many());
  }
  return [Math.max(least, 10), most];
}

describe.each(vocabularies)("%s", (_name, vocabulary, modes) => {
  const tokenizer = new Tokenizer(vocabulary);

  it.each(texts)("does not take the square of the time for longer texts of %s", async (_text, make) => {
    const [short, long] = [make(SHORT), make(SHORT * FACTOR)];
    for (const mode of modes) {
      // With the square of the length it would be 64 times as much.
      const [few, many] = await leastOf(
        () => cost(tokenizer, short, mode),
        () => cost(tokenizer, long, mode),
        3 * FACTOR,
      );
      expect(many, `${mode}: ${few} ms for ${SHORT} characters`).toBeLessThan(3 * FACTOR * few);
    }
  });
});

it("takes no longer with a hundred times as many added tokens", async () => {
  const text = ["<|token".repeat(SHORT)];
  const make = (count: number) =>
    new Tokenizer(
      sentencePiece(
        [],
        Array.from({ length: count }, (_, i) => ({ content: `<|token${10_000 + i}|>` })),
      ),
    );
  const [few, many] = [make(50), make(5000)];
  const [short, long] = await leastOf(
    () => cost(few, text, "slow"),
    () => cost(many, text, "slow"),
    5,
  );
  expect(long).toBeLessThan(5 * short);
});

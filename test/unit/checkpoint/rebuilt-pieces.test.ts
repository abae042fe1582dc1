/** A tokenizer.json of SentencePiece's kind without tokenizer.model: the same pieces, or a refusal that says why. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Checkpoint, openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import type { SentencePieceVocabulary } from "../../../src/checkpoint/vocabulary.ts";
import { describeScoring } from "../../../src/convert/metadata.ts";
import { packageRoot } from "../../../src/package-info.ts";
import { emptyFolder } from "../hub/support.ts";

interface TokenizerJson {
  model: { vocab: Record<string, number>; merges: (string | string[])[]; byte_fallback: boolean; unk_token: string };
  normalizer: unknown;
  added_tokens: { id: number; content: string; special: boolean; normalized: boolean }[];
}

const fixture = (name: string) => join(packageRoot(), "test", "fixtures", "checkpoints", name);

/** A copy of the checkpoint without tokenizer.model. */
function without(name: string, edit: (tokenizer: TokenizerJson) => void = () => {}, config: object = {}): string {
  const folder = emptyFolder();
  for (const file of readdirSync(fixture(name)))
    if (file !== "tokenizer.model") copyFileSync(join(fixture(name), file), join(folder, file));
  const change = (file: string, edited: (value: object) => void) => {
    const value = JSON.parse(readFileSync(join(folder, file), "utf8"));
    edited(value);
    writeFileSync(join(folder, file), JSON.stringify(value));
  };
  change("tokenizer.json", (value) => edit(value as TokenizerJson));
  change("tokenizer_config.json", (value) => Object.assign(value, config));
  return folder;
}

async function opened<T>(place: string, read: (checkpoint: Checkpoint) => T): Promise<T> {
  const checkpoint = await openCheckpoint(place);
  try {
    return read(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

const described = (place: string) => opened(place, describeScoring);
const vocabulary = ({ vocabulary: found }: Checkpoint) => found as SentencePieceVocabulary;

describe("pieces made again of tokenizer.json", () => {
  it.each(["hf-gemma2", "hf-gemma2-scaled", "alpha7b-like"])("are tokenizer.model's, in %s", async (name) => {
    const [own, other] = [await opened(without(name), vocabulary), await opened(fixture(name), vocabulary)];
    const names = ({ pieces: { pieces } }: SentencePieceVocabulary) =>
      Array.from({ length: pieces.length }, (_, id) => pieces.at(id));
    expect(names(own)).toEqual(names(other));
    // Only how text is cut counts, so that other types may be another's.
    expect(own.tokenizer).toEqual(other.tokenizer);
    expect(own.pieces.unknownId).toBe(other.pieces.unknownId);
    const [{ tokenizerFile: _, ...rest }, expected] = [await described(without(name)), await described(fixture(name))];
    expect(expected).toMatchObject(rest);
    expect(_).toEqual({ followed: "tokenizer.json" });
  });

  it.each<[string, string, RegExp, Parameters<typeof without>[1], object?]>([
    [
      "merges that no scores give",
      "hf-gemma2",
      /cannot be made again of it: its merge \d+ is/,
      ({ model }) => {
        // The second merge of some piece moves behind the others.
        const [first] = model.merges.splice(3, 1);
        model.merges.push(first as string);
        const [last] = model.merges.splice(40, 1);
        model.merges.unshift(last as string);
      },
    ],
    ["a missing merge", "hf-gemma2", /it has no merge/, ({ model }) => void model.merges.splice(20, 1)],
    [
      "spaces elsewhere",
      "hf-gemma2",
      /puts spaces elsewhere/,
      (value) => void Object.assign(value, { normalizer: null }),
    ],
    ["a gap in ids", "hf-gemma2", /gap/, ({ model: { vocab } }) => void Object.assign(vocab, { "▁t": 1e5 })],
    [
      "no byte pieces",
      "hf-gemma2",
      /no byte piece <0x41>/,
      ({ model }) => {
        model.vocab["other"] = model.vocab["<0x41>"] as number;
        delete model.vocab["<0x41>"];
      },
    ],
    [
      "no class",
      "hf-gemma2",
      /tokenizer\.model is missing beside it/,
      () => {},
      { tokenizer_class: "PreTrainedTokenizerFast" },
    ],
    [
      "spaces that transformers makes of tokenizer.model alone",
      "alpha7b-like",
      /add_prefix_space/,
      () => {},
      { add_prefix_space: false },
    ],
  ])("are refused with %s", async (_, name, message, edit, config) => {
    await expect(described(without(name, edit, config))).rejects.toMatchObject({
      code: "ERR_INVALID_CHECKPOINT",
      message: expect.stringMatching(message),
    });
  });

  it("are refused where the reference reads tokenizer.model", async () => {
    const folder = emptyFolder();
    for (const file of readdirSync(fixture("mha-f32")))
      if (file !== "tokenizer.model") copyFileSync(join(fixture("mha-f32"), file), join(folder, file));
    copyFileSync(
      join(packageRoot(), "test", "fixtures", "tokenizer-json", "mha-f32-4.41.2.json"),
      join(folder, "tokenizer.json"),
    );
    await expect(described(folder)).rejects.toThrow(/tokenizer\.model.* cannot be made again of it\. Take/);
  });
});

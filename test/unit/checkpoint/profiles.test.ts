import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { parseSentencePiece } from "../../../src/checkpoint/sentencepiece.ts";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import type { GgufHeader } from "../../../src/gguf/header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { inspectModel } from "../../../src/inspect.ts";
import { PROFILE_NAMES, profiles } from "../../../src/profiles/profiles.ts";
import {
  bytePieces,
  type Files,
  normalPieces,
  type RawTensor,
  sentencePiece,
  tinyConfig,
  tinyFiles,
  tinyPieces,
  tinyTensors,
  tinyTokenizerConfig,
  withJson,
  writeCheckpoint,
} from "../convert/make-checkpoint.ts";

const renamed = (trunk: string, head: string, tensors = tinyTensors(tinyPieces.length)): Map<string, RawTensor> =>
  new Map(
    [...tensors].map(([name, tensor]) => [
      name === "v_head.weight" ? head : name.replace("transformer.", trunk),
      tensor,
    ]),
  );

const llama2Pieces = [
  { piece: "<unk>", type: 2 },
  { piece: "<s>", type: 3 },
  { piece: "</s>", type: 3 },
  ...bytePieces,
  ...normalPieces,
];

const special = (content: string) => ({ content, normalized: false, special: true });

function alphaFiles(tensors = tinyTensors(llama2Pieces.length)): Files {
  return {
    ...tinyFiles(tensors),
    "config.json": JSON.stringify({ ...tinyConfig(), vocab_size: llama2Pieces.length, pad_token_id: undefined }),
    "tokenizer.model": sentencePiece({ pieces: llama2Pieces }),
    "tokenizer_config.json": JSON.stringify({
      ...tinyTokenizerConfig(),
      add_bos_token: true,
      added_tokens_decoder: Object.fromEntries(["<unk>", "<s>", "</s>"].map((token, id) => [id, special(token)])),
      bos_token: "<s>",
      eos_token: "</s>",
      pad_token: null,
    }),
    "special_tokens_map.json": "{}",
  };
}

const classifier = (tensors = renamed("model.", "score.weight")): Files =>
  withJson("config.json", { architectures: ["LlamaForSequenceClassification"] }, tinyFiles(tensors));

async function profileOf(files: Files, name?: string): Promise<string> {
  const checkpoint = await openCheckpoint(await writeCheckpoint(files), name);
  await checkpoint.close();
  return checkpoint.profile.name;
}

describe("profiles", () => {
  it("are those that a GGUF may name", () => {
    expect(profiles.map(({ name }) => name)).toEqual(PROFILE_NAMES);
  });

  it("are found from the checkpoint's own files", async () => {
    expect(await profileOf(tinyFiles())).toBe("starling-rm-34b");
    expect(await profileOf(alphaFiles())).toBe("starling-rm-7b-alpha");
    expect(await profileOf(classifier())).toBe("llama-sequence-classification");
  });

  it("can be named", async () => {
    expect(await profileOf(alphaFiles(), "starling-rm-34b")).toBe("starling-rm-34b");
    await expect(profileOf(tinyFiles(), "otter")).rejects.toThrow(/Unknown profile "otter".*starling-rm-34b/);
  });

  it.each<[string, Files]>([
    ["another architecture", withJson("config.json", { architectures: ["LlamaModel"] }, classifier())],
    ["neither family's tensors", tinyFiles(renamed("base.", "head.weight"))],
    ["pieces of neither model", { ...tinyFiles(), "tokenizer.model": sentencePiece({ pieces: unnamedPieces() }) }],
    [
      "both families' tensors",
      tinyFiles(new Map([...tinyTensors(tinyPieces.length), ...renamed("model.", "score.weight")])),
    ],
  ])("are asked for with %s, with what was found, the nearest and a list of all", async (_, files) => {
    const { "tokenizer_config.json": __, "special_tokens_map.json": ___, ...rest } = files;
    await expect(profileOf(rest)).rejects.toThrow(/matches no known reward-model family.*Nearest.*--profile.*openrlhf/);
  });

  it("say which tensors mean nothing", async () => {
    const tensors = tinyTensors(llama2Pieces.length);
    const copy = renamed("model.model.", "v_head.weight", tensors);
    const all = new Map([...tensors, ...copy, ["model.lm_head.weight", copy.get("v_head.weight") as RawTensor]]);
    await expect(convert(alphaFiles(all))).resolves.toMatchObject({ tensors: 20 });
    const other = tinyFiles(new Map([...tinyTensors(tinyPieces.length), ...renamed("model.model.", "v_head.weight")]));
    await expect(convert(other)).rejects.toThrow(/model\.model\.embed_tokens\.weight.*does not have/);
  });
});

describe("a LlamaForSequenceClassification", () => {
  it("needs one label", async () => {
    const tensors = renamed("model.", "score.weight");
    const head = tensors.get("score.weight") as RawTensor;
    tensors.set("score.weight", { ...head, shape: [2, 4] });
    await expect(convert(classifier(tensors))).rejects.toMatchObject({ tensor: "score.weight" });
  });

  it("is told what it lacks", async () => {
    const tensors = renamed("model.", "score.weight");
    tensors.delete("score.weight");
    await expect(convert(classifier(tensors))).rejects.toThrow(/no reward head \(score\.weight\)/);
  });
});

describe("a tokenizer with legacy false", () => {
  const legacy = (files: Files) => withJson("tokenizer_config.json", { legacy: false }, files);

  it("needs a tokenizer.json", async () => {
    await expect(convert(legacy(alphaFiles()))).rejects.toMatchObject({ field: "legacy" });
    const files = withFast(legacy(alphaFiles()));
    await expect(convert(files)).resolves.toMatchObject({ tensors: 20 });
    await expect(convert(files, "slow")).rejects.toThrow(
      /slow is not one of this checkpoint's tokenizer; fast-4.41 is/,
    );
  });

  it("needs one that transformers does not pass over because of add_prefix_space", async () => {
    const files = withJson("tokenizer_config.json", { add_prefix_space: true }, withFast(legacy(alphaFiles())));
    await expect(convert(files)).rejects.toMatchObject({ field: "legacy" });
  });

  it("is no reproduction of the 34B's", async () => {
    await expect(convert(withFast(legacy(tinyFiles())))).rejects.toMatchObject({ field: "legacy" });
  });
});

describe("a tokenizer.json beside tokenizer.model", () => {
  const families: [string, () => Files][] = [
    ["the 34B", tinyFiles],
    ["the 7B", alphaFiles],
    ["a LlamaForSequenceClassification", classifier],
  ];

  it.each(families)("of %s changes nothing where it says the same", async (_name, files) => {
    const [without, beside] = [await convertedFile(files()), await convertedFile(withFast(files()))];
    const differing = [...beside.metadata].filter(
      ([key, value]) => !isDeepStrictEqual(value, without.metadata.get(key)),
    );
    expect(
      differing.map(([key]) => key).filter((key) => key !== "starling.source.sha256" && key !== "general.name"),
    ).toEqual([]);
  });

  it.each(families.flatMap(([name, files]) => ["fast-4.41", "slow"].map((mode) => [name, mode, files] as const)))(
    "of %s is refused with a swapped pair of pieces (%s)",
    async (_name, mode, files) => {
      const swapped = withFast(files(), ({ model: { vocab } }) => {
        [vocab["a"], vocab["b"]] = [vocab["b"] as number, vocab["a"] as number];
      });
      const error = await convert(swapped, mode as "slow").catch((e: unknown) => e);
      expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", field: "model.vocab" });
      expect(String(error)).toMatch(
        /tokenizer\.json disagrees with tokenizer\.model.*"a" the id \d+, and tokenizer\.model gives it \d+/,
      );
    },
  );

  it.each<[string, (file: FastFile) => void, string]>([
    [
      "puts spaces elsewhere",
      (f) => Object.assign(f, { normalizer: null, pre_tokenizer: { type: "Metaspace" } }),
      "pre_tokenizer",
    ],
    ["adds another token", (f) => f.added_tokens.push({ id: 20, content: "<0x00>" }), "added_tokens"],
    ["lacks a token", (f) => f.added_tokens.pop(), "added_tokens"],
    ["normalises a token", (f) => Object.assign(f.added_tokens[0] as object, { normalized: true }), "added_tokens"],
    ["merges in another order", (f) => f.model.merges.reverse(), "model.merges"],
    ["has no byte fallback", (f) => Object.assign(f.model, { byte_fallback: false }), "model.byte_fallback"],
  ])("is refused where it %s", async (_name, change, field) => {
    for (const [name, files] of families)
      await expect(convert(withFast(files(), change)), name).rejects.toMatchObject({ field });
  });

  it("is named by inspect, with the file that is followed", async () => {
    const found = async (files: Files) => {
      const result = await inspectModel({ modelPath: await writeCheckpoint(files) });
      return result.kind === "head" ? undefined : result.tokenizerFile;
    };
    expect(await found(tinyFiles())).toEqual({ followed: "tokenizer.model" });
    expect(await found(withFast(tinyFiles()))).toEqual({ followed: "tokenizer.model", sameIds: "tokenizer.json" });
    expect(await found(withFast(alphaFiles()))).toEqual({ followed: "tokenizer.json", sameIds: "tokenizer.model" });
  });

  it("is refused where it is none", async () => {
    await expect(convert({ ...tinyFiles(), "tokenizer.json": "no JSON" })).rejects.toThrow(
      /tokenizer\.json does not contain valid JSON/,
    );
  });

  it("is refused for a class that reads it otherwise", async () => {
    const files = withJson("tokenizer_config.json", { tokenizer_class: "PreTrainedTokenizerFast" }, alphaFiles());
    await expect(convert(withFast(files))).rejects.toMatchObject({ field: "tokenizer_class" });
  });

  it("counts for tokens where there is no added_tokens_decoder", async () => {
    const files = withJson("tokenizer_config.json", { added_tokens_decoder: undefined }, tinyFiles());
    await expect(convert(files)).rejects.toThrow(/<\|im_start\|>/);
    await expect(convert(withFast(files))).resolves.toMatchObject({ tensors: 20 });
    const added = { ...files, "added_tokens.json": JSON.stringify({ "<|im_start|>": 3, "<|im_end|>": 4 }) };
    await expect(convert(added)).resolves.toMatchObject({ tensors: 20 });
  });

  it("of byte-level BPE is what its class reads, whatever tokenizer.model holds", async () => {
    const config = { tokenizer_class: "PreTrainedTokenizerFast", added_tokens_decoder: undefined, pad_token: null };
    const files = withFast(withJson("tokenizer_config.json", config, classifier()), (f) => {
      Object.assign(f.model, { byte_fallback: false });
    });
    // It gets as far as what a byte-level BPE must have.
    await expect(convert({ ...files, "tokenizer.model": "aGk= 1" })).rejects.toThrow(
      /tokenizer\.json (has .* as unk_token of its model|has no token)/,
    );
  });
});

interface FastFile {
  added_tokens: Record<string, unknown>[];
  model: { vocab: Record<string, number>; merges: string[] };
}

/** With the tokenizer.json that the converter of transformers makes of the pieces. */
function withFast(files: Files, change: (file: FastFile) => void = () => {}): Files {
  const { pieces } = parseSentencePiece(files["tokenizer.model"] as Buffer, "tokenizer.model");
  const texts = Array.from({ length: pieces.length }, (_, id) => pieces.at(id));
  const added = texts.flatMap((content, id) =>
    /^<(\||unk>|s>|\/s>)/.test(content) ? [{ id, content, special: true, normalized: false }] : [],
  );
  const file = {
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    model: {
      type: "BPE",
      unk_token: "<unk>",
      byte_fallback: true,
      vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
      merges: ["a b", "▁ ab"],
    },
  };
  change(file);
  return { ...files, "tokenizer.json": JSON.stringify(file) };
}

/** Without the names that tell the two Starlings. */
function unnamedPieces() {
  return tinyPieces.map(({ piece, ...rest }) => ({ piece: String(piece).replace(/^<\|(.*)\|>$/, "<$1>"), ...rest }));
}

let converted = 0;

async function convert(files: Files, tokenization?: "slow" | "fast-4.41") {
  const checkpoint = await writeCheckpoint(files);
  const output = `${checkpoint}/${converted++}.gguf`;
  return convertCheckpoint({ checkpoint, output, type: "f16", ...(tokenization ? { tokenization } : {}) });
}

async function convertedFile(files: Files): Promise<GgufHeader> {
  return readGguf((await convert(files)).output);
}

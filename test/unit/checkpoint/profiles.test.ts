import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { profiles } from "../../../src/checkpoint/profiles.ts";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import { PROFILE_NAMES } from "../../../src/gguf/starling-keys.ts";
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
    await expect(profileOf(tinyFiles(), "beaver")).rejects.toThrow(/"beaver" is not known.*starling-rm-34b/);
  });

  it.each<[string, Files]>([
    ["another architecture", withJson("config.json", { architectures: ["LlamaModel"] }, classifier())],
    ["neither family's tensors", tinyFiles(renamed("base.", "head.weight"))],
    ["pieces of neither model", { ...tinyFiles(), "tokenizer.model": sentencePiece({ pieces: unnamedPieces() }) }],
    [
      "both families' tensors",
      tinyFiles(new Map([...tinyTensors(tinyPieces.length), ...renamed("model.", "score.weight")])),
    ],
  ])("are asked for with %s, with a list of all", async (_, files) => {
    const { "tokenizer_config.json": __, "special_tokens_map.json": ___, ...rest } = files;
    await expect(profileOf(rest)).rejects.toThrow(/recognised as no kind of reward model.*--profile.*score\.weight/);
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
    const files = withFast(legacy(alphaFiles()), {});
    await expect(convert(files)).resolves.toMatchObject({ tensors: 20 });
    await expect(convert(files, "slow")).rejects.toThrow(
      /slow is not one of this checkpoint's tokenizer; fast-4.41 is/,
    );
  });

  it("is no reproduction of the 34B's", async () => {
    await expect(convert(withFast(legacy(tinyFiles()), {}))).rejects.toMatchObject({ field: "legacy" });
  });
});

describe("a tokenizer.json beside tokenizer.model", () => {
  it("does not matter to the 34B", async () => {
    await expect(convert({ ...tinyFiles(), "tokenizer.json": "no JSON" })).resolves.toMatchObject({ tensors: 20 });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["puts spaces elsewhere", { normalizer: null, pre_tokenizer: { type: "Metaspace" } }, "normalizer"],
    ["adds another token", { added_tokens: [{ id: 3, content: "<0x00>" }] }, "added_tokens"],
    ["lacks a token", { added_tokens: [] }, "added_tokens"],
    ["normalises a token", { added_tokens: [{ id: 0, content: "<unk>", normalized: true }] }, "added_tokens"],
  ])("is refused where it %s", async (_, changes, field) => {
    await expect(convert(withFast(alphaFiles(), changes))).rejects.toMatchObject({ field });
  });

  it("is refused for a class that reads it otherwise", async () => {
    const files = withJson("tokenizer_config.json", { tokenizer_class: "PreTrainedTokenizerFast" }, alphaFiles());
    await expect(convert(withFast(files, {}))).rejects.toMatchObject({ field: "tokenizer_class" });
  });
});

/** With the tokenizer.json that the converter of transformers makes of Llama 2's tokenizer. */
function withFast(files: Files, changes: Record<string, unknown>): Files {
  const name = fileURLToPath(new URL("../../fixtures/checkpoints/alpha7b-like/tokenizer.json", import.meta.url));
  return { ...files, "tokenizer.json": JSON.stringify({ ...JSON.parse(readFileSync(name, "utf8")), ...changes }) };
}

/** Without the names that tell the two Starlings. */
function unnamedPieces() {
  return tinyPieces.map(({ piece, ...rest }) => ({ piece: String(piece).replace(/^<\|(.*)\|>$/, "<$1>"), ...rest }));
}

let converted = 0;

async function convert(files: Files, tokenization?: "slow") {
  const checkpoint = await writeCheckpoint(files);
  const output = `${checkpoint}/${converted++}.gguf`;
  return convertCheckpoint({ checkpoint, output, type: "f16", ...(tokenization ? { tokenization } : {}) });
}

/** What a GGUF of the relatives must have: nothing in its header may reach llama.cpp or the tokenizer unchecked. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import type { GgufHeader } from "../../../src/gguf/header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { StringTable } from "../../../src/vocabulary/string-table.ts";

const checkpoint = (name: string) => fileURLToPath(new URL(`../../fixtures/checkpoints/${name}`, import.meta.url));
let folder: string;
const files = new Map<string, GgufHeader>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "starling-relatives-"));
  for (const name of ["alpha7b-like", "hf-seqcls-spm", "hf-seqcls-bpe", "hf-seqcls-rope"]) {
    const output = join(folder, `${name}.gguf`);
    await convertCheckpoint({ checkpoint: checkpoint(name), output, type: "f16" });
    files.set(name, await readGguf(output));
  }
});

afterAll(() => rm(folder, { recursive: true }));

function changed(name: string, changes: Record<string, GgufValue | undefined>): GgufHeader {
  const sound = files.get(name) as GgufHeader;
  const metadata = new Map(sound.metadata);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  return { ...sound, metadata };
}

const text = (value: string): GgufValue => ({ type: "string", value });
const i32s = (...values: number[]): GgufValue => ({ type: "array", of: "i32", value: Int32Array.from(values) });
const strings = (...values: string[]): GgufValue => ({ type: "array", of: "string", value: StringTable.from(values) });

describe("readRewardMetadata", () => {
  it("reads the relatives", () => {
    const read = (name: string) => readRewardMetadata(files.get(name) as GgufHeader, name);
    expect(read("alpha7b-like")).toMatchObject({
      profile: "starling-rm-7b-alpha",
      maxTokens: 2048,
      truncationSide: "left",
      scorePosition: "padding-end",
      padTokenId: 0,
      wrapper: "all",
      tokenizations: ["fast-4.41"],
    });
    expect(read("hf-seqcls-rope")).not.toHaveProperty("padTokenId");
    expect([...read("alpha7b-like").tokenizer.before]).toEqual([1]);
    expect(read("hf-seqcls-spm")).toMatchObject({
      padTokenId: 480,
      truncationSide: "none",
      wrapper: "texts",
      chatTemplate: { tokens: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", pad_token: "[PAD]" } },
      tokenizations: ["slow", "fast-4.41", "fast-4.42"],
    });
    expect(read("hf-seqcls-bpe")).toMatchObject({ scorePosition: "last-non-pad", tokenizations: ["byte-bpe"] });
    expect(read("hf-seqcls-rope")).toMatchObject({ scorePosition: "last", wrapper: "none" });
  });

  it("reads where the chat template was, and the names of those of which none is taken", () => {
    const read = (changes: Record<string, GgufValue | undefined>) =>
      readRewardMetadata(changed("hf-seqcls-bpe", changes), "f");
    expect(read({}).chatTemplate).toMatchObject({ from: "tokenizer_config.json" });
    // Files of before that key.
    expect(read({ "starling.chat_template.from": undefined }).chatTemplate).not.toHaveProperty("from");
    expect(read({})).not.toHaveProperty("templateNames");
    const none = { "starling.template": text("none"), "starling.chat_template.names": strings("rag", "tool_use") };
    expect(read(none)).toMatchObject({ template: "none", templateNames: ["rag", "tool_use"] });
    expect(() => read({ "starling.chat_template.from": i32s(1) })).toThrow(/starling\.chat_template\.from/);
  });

  it("takes a file without a profile for the 34B's", () => {
    const old = changed("alpha7b-like", { "starling.profile": undefined });
    expect(readRewardMetadata(old, "f").profile).toBe("starling-rm-34b");
  });

  it.each<[string, string, GgufValue | undefined]>([
    ["hf-seqcls-bpe", "starling.profile", text("beaver")],
    ["hf-seqcls-bpe", "starling.tokenization", text("slow")],
    ["alpha7b-like", "starling.tokenization", text("slow")],
    ["alpha7b-like", "starling.max_tokens", { type: "u32", value: 8193 }],
    ["alpha7b-like", "starling.pad_token_id", undefined],
    ["hf-seqcls-bpe", "starling.pad_token_id", undefined],
    ["hf-seqcls-bpe", "tokenizer.ggml.pre", text("tekken")],
    ["hf-seqcls-bpe", "tokenizer.ggml.merges", strings("a b", "ab")],
    ["hf-seqcls-bpe", "tokenizer.ggml.merges", strings("a b c")],
    ["hf-seqcls-bpe", "tokenizer.ggml.tokens", strings(...Array.from({ length: 610 }, (_, i) => `t${i}`))],
    ["hf-seqcls-bpe", "tokenizer.ggml.token_type", i32s(...new Array<number>(610).fill(7))],
    ["hf-seqcls-bpe", "tokenizer.ggml.token_type", i32s(...new Array<number>(609).fill(1), 6)],
    ["hf-seqcls-bpe", "tokenizer.ggml.scores", { type: "array", of: "f32", value: new Float32Array(609) }],
    ["hf-seqcls-bpe", "starling.tokenizer.added_tokens", i32s(2)],
    ["hf-seqcls-bpe", "starling.tokenizer.frame", undefined],
    ["hf-seqcls-bpe", "tokenizer.chat_template", undefined],
    ["hf-seqcls-bpe", "starling.tokenizer.ignore_merges", undefined],
    ["hf-seqcls-bpe", "starling.tokenizer.before", i32s(610)],
    ["hf-seqcls-bpe", "starling.tokenizer.frame", text("some")],
    ["hf-seqcls-bpe", "starling.tokenizer.normalizer", text("nfkc")],
    ["hf-seqcls-bpe", "starling.window", { type: "u32", value: 100 }],
    ["hf-seqcls-bpe", "tokenizer.ggml.bos_token_id", { type: "u32", value: 610 }],
  ])("refuses %s with a wrong %s", (name, field, value) => {
    const broken = changed(name, { [field]: value });
    expect(() => readRewardMetadata(broken, "f")).toThrow(expect.objectContaining({ code: "ERR_INVALID_GGUF", field }));
  });

  it("refuses ids around a text without a rule, and a rule without ids", () => {
    for (const changes of [{ "starling.tokenizer.frame": undefined }, { "starling.tokenizer.before": undefined }])
      expect(() => readRewardMetadata(changed("hf-seqcls-bpe", changes), "f")).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_GGUF", field: "starling.tokenizer.frame" }),
      );
  });

  it("refuses tokens that llama.cpp would write again for each of their characters", () => {
    const sound = files.get("hf-seqcls-bpe") as GgufHeader;
    const { value } = sound.metadata.get("tokenizer.ggml.tokens") as { value: StringTable };
    const withLong = (count: number) => {
      const list = Array.from({ length: value.length }, (_, id) => value.at(id));
      for (let id = 400; id < 400 + count; id++) list[id] = `${"語".repeat(1332)}${id}`;
      return changed("hf-seqcls-bpe", { "tokenizer.ggml.tokens": strings(...list) });
    };
    expect(() => readRewardMetadata(withLong(12), "f")).not.toThrow();
    expect(() => readRewardMetadata(withLong(13), "f")).toThrow(/too many tokens like id 412, "語/);
  });

  it("checks the divisors of rotary frequencies", () => {
    const sound = files.get("hf-seqcls-rope") as GgufHeader;
    const tensors = sound.tensors.map((tensor) =>
      tensor.name === "rope_freqs.weight" ? { ...tensor, dims: [8] } : tensor,
    );
    expect(sound.tensors.some(({ name }) => name === "rope_freqs.weight")).toBe(true);
    expect(() => readRewardMetadata({ ...sound, tensors }, "f")).toThrow(
      /"rope_freqs.weight" has the dimensions \[8\]/,
    );
  });
});

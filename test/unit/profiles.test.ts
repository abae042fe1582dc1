/** Checkpoints of unknown or damaged kinds: refused with what was found, or read by a rule that is told. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { convertCheckpoint } from "../../src/convert/convert.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../src/gguf/reward-metadata.ts";
import { familyCheckpoint } from "../parity/family-checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-profiles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const INDEX = "model.safetensors.index.json";
const OWN = "model-00002-of-00002.safetensors";
let made = 0;

/** The family's checkpoint with these float32 tensors in place of its own, and other names for all. */
function checkpointWith(
  family: string,
  own: Readonly<Record<string, readonly number[]>> | undefined,
  config: object = {},
  rename: (name: string) => string = (name) => name,
): string {
  const path = familyCheckpoint(family, join(folder, String(made++)), config);
  const index = JSON.parse(readFileSync(join(path, INDEX), "utf8"));
  if (own !== undefined) {
    for (const [name, file] of Object.entries(index.weight_map)) if (file === OWN) delete index.weight_map[name];
    writeShard(path, OWN, own);
    for (const name of Object.keys(own)) index.weight_map[name] = OWN;
  }
  index.weight_map = Object.fromEntries(Object.entries(index.weight_map).map(([name, file]) => [rename(name), file]));
  writeFileSync(join(path, INDEX), JSON.stringify(index));
  for (const file of ["model-00001-of-00002.safetensors", OWN]) renameTensors(join(path, file), rename);
  return path;
}

function writeShard(path: string, file: string, tensors: Readonly<Record<string, readonly number[]>>): void {
  mkdirSync(path, { recursive: true });
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, shape]) => {
      const begin = end;
      end += 4 * shape.reduce((product, dim) => product * dim, 1);
      return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
    }),
  );
  const values = Float32Array.from({ length: end / 4 }, (_, i) => Math.sin(i));
  writeFileSync(join(path, file), Buffer.concat([prefixed(header), Buffer.from(values.buffer)]));
}

function prefixed(header: object): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

function renameTensors(path: string, rename: (name: string) => string): void {
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header: object = JSON.parse(bytes.subarray(8, end).toString());
  const renamed = Object.entries(header).map(([name, value]) => [name === "__metadata__" ? name : rename(name), value]);
  writeFileSync(path, Buffer.concat([prefixed(Object.fromEntries(renamed)), bytes.subarray(end)]));
}

async function convert(checkpoint: string) {
  const output = join(folder, `${made++}.gguf`);
  const { notices = [] } = await convertCheckpoint({ checkpoint, output, type: "f32" });
  return { metadata: readRewardMetadata(await readGguf(output), output), notices };
}

describe("a head that is not known", () => {
  it.each<[string, Readonly<Record<string, readonly number[]>>, object, RegExp]>([
    [
      "of two labels",
      { "score.weight": [2, 48] },
      { architectures: ["LlamaForSequenceClassification"] },
      /has a head of 2 labels \(score\.weight \[2, 48\]\)/,
    ],
    [
      "with gating",
      { "regression_layer.weight": [19, 48], "gating.layers.weight": [10, 48] },
      { architectures: ["LlamaForRewardModelWithGating"] },
      /LlamaForRewardModelWithGating.*"llama" trunk.*regression_layer\.weight \[19, 48\], gating\.layers\.weight \[10, 48\].*Nearest: /,
    ],
    [
      "of three layers",
      { "score.0.weight": [8, 48], "score.2.weight": [8, 8], "score.4.weight": [1, 8] },
      { architectures: ["INFORMForSequenceClassification"] },
      /matches no known.*score\.4\.weight \[1, 8\].*Nearest: inf-orm/,
    ],
    [
      "beside one that is",
      { "score.weight": [1, 48], "gate.weight": [1, 48] },
      { architectures: ["LlamaForSequenceClassification"] },
      /contains the tensor "gate\.weight", which .* does not have/,
    ],
    [
      "of a language model",
      { "lm_head.weight": [611, 48] },
      { architectures: ["LlamaForCausalLM"] },
      /no tensor of a head/,
    ],
    [
      "of another width",
      { "v_head.weight": [1, 32] },
      { architectures: ["AutoModelForSequenceClassification"] },
      /the shape \[1, 32\]; config\.json requires \[1, 48\]/,
    ],
  ])("%s is refused with what was found", async (_, tensors, config, message) => {
    const path = checkpointWith("athene", tensors, { _name_or_path: "x", ...config });
    await expect(convert(path)).rejects.toThrow(message);
  });
});

describe("names of tensors", () => {
  it.each(["module.", "base_model.model.", "_orig_mod.module."])("lose %s, and that is told", async (prefix) => {
    const { metadata, notices } = await convert(checkpointWith("grm", undefined, {}, (name) => `${prefix}${name}`));
    expect(metadata.profile).toBe("grm-sftreg");
    expect(notices).toContainEqual(expect.stringContaining(`"${prefix}"`));
  });

  it("are refused where two become one", async () => {
    const path = checkpointWith("trl-old", { "score.weight": [1, 48], "module.score.weight": [1, 48] });
    await expect(openCheckpoint(path)).rejects.toThrow(/"score\.weight" under two names/);
  });
});

describe("a head's metadata", () => {
  it("of two layers and of costs needs format 3, which older versions refuse", async () => {
    for (const family of ["grm", "beaver-cost"]) {
      const output = join(folder, `${family}.gguf`);
      await convertCheckpoint({ checkpoint: checkpointWith(family, undefined), output, type: "f32" });
      const gguf = await readGguf(output);
      expect(gguf.metadata.get("starling.format_version")?.value).toBe(3);
      const metadata = new Map(gguf.metadata).set("starling.format_version", { type: "u32", value: 2 });
      expect(() => readRewardMetadata({ ...gguf, metadata }, "f")).toThrow(/in format 2.*expected format 3/);
    }
  });
});

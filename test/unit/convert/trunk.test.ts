/** The fingerprint of a model without its head: what it depends on, and what it does not. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import type { ConvertOptions } from "../../../src/convert/options.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import { tensorBytes } from "../../../src/gguf/types.ts";
import { packageRoot } from "../../../src/package-info.ts";
import {
  type Files,
  f32,
  type RawTensor,
  safetensors,
  tinyFiles,
  tinyPieces,
  tinyTensors,
  withJson,
  writeCheckpoint,
} from "./make-checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-trunk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let outputs = 0;

async function trunkOf(checkpoint: string, options: Partial<ConvertOptions> = {}): Promise<string> {
  const output = join(folder, `${outputs++}.gguf`);
  await convertCheckpoint({ checkpoint, output, type: "f32", ...options });
  const { trunkSha256 } = readRewardMetadata(await readGguf(output), output);
  expect(trunkSha256).toMatch(/^[0-9a-f]{64}$/);
  expect(trunkSha256).not.toBe("0".repeat(64));
  return trunkSha256 as string;
}

const trunkOfFiles = async (files: Files, options?: Partial<ConvertOptions>) =>
  trunkOf(await writeCheckpoint(files), options);

/** The tiny checkpoint with its tensors changed. */
function changed(change: (tensors: Map<string, RawTensor>) => void): Files {
  const tensors = tinyTensors(tinyPieces.length);
  change(tensors);
  return tinyFiles(tensors);
}

const tiny = await trunkOfFiles(tinyFiles());

describe("the fingerprint of a trunk is the same", () => {
  it.each(["f32", "f16", "bf16", "q8_0"])("for %s", async (type) => {
    const quantizeRows: ConvertOptions["quantizeRows"] = async ({ from, to, rowLength, rows }) => {
      const count = rows.length / rowLength / (from === "f32" ? 4 : 2);
      return new Uint8Array(count * Number(tensorBytes(to, [BigInt(rowLength)])));
    };
    const wide = join(packageRoot(), "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
    expect(await trunkOf(wide, { type, quantizeRows })).toBe(await trunkOf(wide));
  });

  it("however the checkpoint is sharded, and in whatever order its tensors are", async () => {
    const tensors = [...tinyTensors(tinyPieces.length)].reverse();
    const { "model.safetensors": _, ...files } = tinyFiles();
    const shards = [new Map(tensors.slice(0, 9)), new Map(tensors.slice(9))];
    const names = ["a.safetensors", "b.safetensors"];
    const map = shards.flatMap((shard, i) => [...shard.keys()].map((tensor) => [tensor, names[i]]));
    const index = JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) });
    const sharded = { ...files, "model.safetensors.index.json": index };
    const weights = Object.fromEntries(shards.map((shard, i) => [names[i], safetensors(shard)]));
    expect(await trunkOfFiles({ ...sharded, ...weights })).toBe(tiny);
  });

  it("in files of torch.save and in safetensors", async () => {
    const torch = join(packageRoot(), "test", "fixtures", "checkpoints", "bin-f16");
    const checkpoint = await openCheckpoint(torch);
    const tensors = new Map<string, RawTensor>();
    for (const tensor of checkpoint.tensors.values()) {
      const data = new Uint8Array(tensor.size);
      await checkpoint.readTensor(tensor, 0, data);
      tensors.set(tensor.name, { dtype: tensor.dtype, shape: [...tensor.shape], data });
    }
    await checkpoint.close();
    const small = readdirSync(torch).filter((name) => !name.includes(".bin"));
    const files: Files = Object.fromEntries(small.map((name) => [name, readFileSync(join(torch, name))]));
    expect(await trunkOfFiles({ ...files, "model.safetensors": safetensors(tensors) })).toBe(await trunkOf(torch));
  });

  it("whatever the head, the name, the tokenization and the source", async () => {
    const files = changed((tensors) => tensors.set("v_head.weight", f32([1, 8], 77)));
    const named = withJson("config.json", { _name_or_path: "x/y", max_position_embeddings: 64, extra: 1 }, files);
    const options: Partial<ConvertOptions> = { tokenization: "slow", source: { name: "someone/else" } };
    expect(await trunkOfFiles(named, options)).toBe(tiny);
  });

  it("under the other names of a sequence classifier", async () => {
    const tensors = [...tinyTensors(tinyPieces.length)].map(([name, tensor]): [string, RawTensor] => [
      name.replace("transformer.", "model.").replace("v_head.", "score."),
      tensor,
    ]);
    expect(await trunkOfFiles(tinyFiles(new Map(tensors)), { profile: "llama-sequence-classification" })).toBe(tiny);
  });

  it("for a conversion that went on from an interrupted one", async () => {
    const checkpoint = await writeCheckpoint(tinyFiles());
    const output = join(folder, "resumed.gguf");
    const stop = new AbortController();
    const first = convertCheckpoint({
      checkpoint,
      output,
      type: "f16",
      resume: true,
      signal: stop.signal,
      onProgress: ({ bytesDone, bytesTotal }) => bytesDone > bytesTotal / 2 && stop.abort(new Error("stopped")),
    });
    await expect(first).rejects.toThrow("stopped");
    await convertCheckpoint({ checkpoint, output, type: "f16", resume: true });
    expect(readRewardMetadata(await readGguf(output), output).trunkSha256).toBe(tiny);
  });
});

describe("the fingerprint of a trunk is another one", () => {
  it("where a single value of a tensor in the middle differs", async () => {
    const others = [...tinyTensors(tinyPieces.length).keys()].filter((name) => name !== "v_head.weight");
    const trunks = new Set([tiny]);
    for (const name of others) {
      const files = changed((tensors) => {
        const { data } = tensors.get(name) as RawTensor;
        new DataView(data.buffer).setFloat32(data.length - 4, 0.123, true);
      });
      trunks.add(await trunkOfFiles(files));
    }
    expect(trunks.size).toBe(others.length + 1);
  });

  it("where two tensors of one shape changed places", async () => {
    const [first, second] = [0, 1].map((layer) => `transformer.layers.${layer}.mlp.up_proj.weight`) as [string, string];
    const files = changed((tensors) => {
      const [a, b] = [tensors.get(first) as RawTensor, tensors.get(second) as RawTensor];
      tensors.set(first, b).set(second, a);
    });
    expect(await trunkOfFiles(files)).not.toBe(tiny);
  });

  it.each<[string, object]>([
    ["base of the rotary embedding", { rope_theta: 10_000 }],
    ["epsilon of the norms", { rms_norm_eps: 1e-6 }],
    [
      "scaling of the rotary embedding",
      {
        rope_scaling: {
          rope_type: "llama3",
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 64,
        },
      },
    ],
  ])("where config.json has another %s", async (_, change) => {
    expect(await trunkOfFiles(withJson("config.json", { ...change }))).not.toBe(tiny);
  });
});

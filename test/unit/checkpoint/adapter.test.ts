/** Adapters of PEFT: what is merged, and what is refused by naming what was found. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import { openModelFolder } from "../../../src/hub/model-folder.ts";
import {
  type Files,
  f32,
  type RawTensor,
  safetensors,
  tinyFiles,
  tinyPieces,
  tinyTensors,
  values,
  writeCheckpoint,
} from "../convert/make-checkpoint.ts";
import { emptyFolder, failureOf, QUICK, startHub } from "../hub/support.ts";

const Q = "transformer.layers.0.self_attn.q_proj";
const config = { peft_type: "LORA", r: 2, lora_alpha: 4, target_modules: ["q_proj"], layers_to_transform: [0] };
const pair = (module = Q, [rows, columns] = [8, 8], rank = 2): [string, RawTensor][] => [
  [`base_model.model.${module}.lora_A.weight`, f32([rank, columns as number], 3)],
  [`base_model.model.${module}.lora_B.weight`, f32([rows as number, rank], 5)],
];

function adapterFiles(changes: Record<string, unknown> = {}, tensors = pair()): Files {
  return {
    "adapter_config.json": JSON.stringify({ ...config, ...changes }),
    "adapter_model.safetensors": safetensors(new Map(tensors)),
  };
}

async function open(adapter: Files, base: Files = tinyFiles()) {
  const [folder, below] = [await writeCheckpoint(adapter), await writeCheckpoint(base)];
  return openCheckpoint((await openModelFolder(folder, { base: below })).folder);
}

async function tensorOf(adapter: Files, name: string, base?: Files): Promise<Float32Array> {
  const checkpoint = await open(adapter, base);
  try {
    const tensor = checkpoint.tensors.get(name);
    const bytes = new Uint8Array(tensor?.size ?? 0);
    if (tensor !== undefined) await checkpoint.readTensor(tensor, 0, bytes);
    return new Float32Array(bytes.buffer);
  } finally {
    await checkpoint.close();
  }
}

/** W + scale · B·A, as a matrix of 8 × 8. */
function expected(scale: number, module = Q): number[] {
  const base = tinyTensors(tinyPieces.length).get(`${module}.weight`) as RawTensor;
  const weights = new Float32Array(base.data.slice().buffer);
  const [a, b] = [values(16, 3), values(16, 5)];
  return [...weights].map((weight, i) => {
    const [row, column] = [i >> 3, i & 7];
    const product =
      (b[2 * row] as number) * (a[column] as number) + (b[2 * row + 1] as number) * (a[8 + column] as number);
    return Math.fround(weight + Math.fround(Math.fround(product) * Math.fround(scale)));
  });
}

describe("what is merged", () => {
  it.each([
    ["alpha / r", {}, 2],
    ["alpha / √r", { use_rslora: true }, 4 / Math.sqrt(2)],
    ["a pattern's alpha", { alpha_pattern: { "layers.1.self_attn.q_proj": 7, "layers\\.0.+q_proj": 3 } }, 1.5],
    ["a pattern's rank", { r: 16, rank_pattern: { q_proj: 2 } }, 2],
    [
      "what has no effect",
      { lora_dropout: 0.1, inference_mode: true, modules_to_save: ["v_head"], megatron_core: "x" },
      2,
    ],
  ])("with %s", async (_, changes, scale) => {
    expect([...(await tensorOf(adapterFiles(changes), `${Q}.weight`))]).toEqual(expected(scale));
  });

  it("under the names that older versions, other programs and other classes give", async () => {
    const named = (rename: (name: string) => string) =>
      adapterFiles(
        {},
        pair().map(([name, tensor]) => [rename(name), tensor] as [string, RawTensor]),
      );
    for (const rename of [
      (name: string) => name.replace(".weight", ".default.weight"),
      (name: string) => name.replace("base_model.model.", ""),
      (name: string) => name.replace("transformer.", "model."),
      (name: string) => name.replace("transformer.", ""),
    ])
      expect([...(await tensorOf(named(rename), `${Q}.weight`))]).toEqual(expected(2));
  });

  it("with the adapter's head, under each of its names", async () => {
    const head = f32([1, 8], 9);
    for (const name of ["v_head.weight", "v_head.modules_to_save.weight", "v_head.modules_to_save.default.weight"]) {
      const files = adapterFiles({}, [...pair(), [`base_model.model.${name}`, head]]);
      expect([...(await tensorOf(files, "v_head.weight"))]).toEqual([...values(8, 9)]);
    }
  });

  it("in row blocks, as in one piece", async () => {
    const checkpoint = await open(adapterFiles());
    const tensor = checkpoint.tensors.get(`${Q}.weight`);
    if (tensor === undefined) throw new Error("There is no such tensor.");
    const rows = new Float32Array(64);
    for (const [first, count] of [
      [5, 3],
      [0, 1],
      [1, 4],
    ] as const)
      await checkpoint.readTensor(tensor, first * 32, new Uint8Array(rows.buffer, first * 32, count * 32));
    expect([...rows]).toEqual(expected(2));
    await checkpoint.close();
  });

  it("to the same file each time; a conversion that is resumed with another alpha starts over", async () => {
    const [folder, base, out] = [
      await writeCheckpoint(adapterFiles()),
      await writeCheckpoint(tinyFiles()),
      emptyFolder(),
    ];
    const identities = new Set<string>();
    const convert = async (name: string) => {
      const { folder: checkpoint } = await openModelFolder(folder, { base });
      const opened = await openCheckpoint(checkpoint);
      identities.add(JSON.stringify(opened.identities));
      await opened.close();
      await convertCheckpoint({ checkpoint, output: join(out, name), type: "f32", resume: true });
      return readFileSync(join(out, name));
    };
    const first = await convert("1.gguf");
    expect((await convert("2.gguf")).equals(first)).toBe(true);
    expect(identities.size).toBe(1);
    writeFileSync(join(folder, "adapter_config.json"), JSON.stringify({ ...config, lora_alpha: 5 }));
    expect((await convert("3.gguf")).equals(first)).toBe(false);
    expect(identities.size).toBe(2);
  });
});

describe("what is refused by name", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["another type", { peft_type: "IA3" }, /"IA3" as peft_type/],
    ["an initialisation that changes the base", { init_lora_weights: "pissa_niter_4" }, /pissa_niter_4/],
    ["QALoRA", { use_qalora: true }, /sets use_qalora/],
    ["replicated layers", { layer_replication: [[0, 2]] }, /sets layer_replication/],
    ["tokens", { trainable_token_indices: [1] }, /sets trainable_token_indices/],
    ["a field of the future", { use_marvel: { x: 1 } }, /sets use_marvel/],
    ["a rank out of range", { r: 0 }, /0 as r/],
    ["a scale that is no number", { lora_alpha: "16" }, /"16" as lora_alpha/],
    ["a pattern that could take for ever", { rank_pattern: { "(a+)+b": 2 } }, /pattern in rank_pattern/],
    ["a pattern that is none", { alpha_pattern: { "q_proj[": 2 } }, /pattern in alpha_pattern/],
    ["another rank than the tensors'", { r: 3 }, /lora_A.* shape \[2, 8\]; rank 3 .* require \[3, 8\]/],
    ["DoRA without magnitudes", { use_dora: true }, /no magnitudes|has no magnitudes/],
    [
      "a target that lost a part",
      { layers_to_transform: null },
      /no part for "transformer.layers.1.self_attn.q_proj.weight"/,
    ],
    ["an unknown bias", { bias: "some" }, /"some" as bias/],
  ])("%s", async (_, changes, message) => {
    const error = await failureOf(open(adapterFiles(changes)));
    expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT" });
    expect(error.message).toMatch(message);
  });

  it.each<[string, [string, RawTensor][], RegExp]>([
    ["one half of a part", pair().slice(0, 1), /has no lora_B beside it/],
    [
      "a module that the base does not have",
      pair("transformer.layers.7.self_attn.q_proj"),
      /adapts the module "transformer.layers.7/,
    ],
    ["a vector", pair("transformer.norm"), /not a matrix/],
    ["shapes of another base", pair(Q, [8, 6]), /shape \[2, 6\]; rank 2/],
    ["a bias of B", [...pair(), [`base_model.model.${Q}.lora_B.bias`, f32([8], 1)]], /lora_B.bias/],
    [
      "magnitudes without DoRA",
      [...pair(), [`base_model.model.${Q}.lora_magnitude_vector`, f32([8], 1)]],
      /without use_dora/,
    ],
    [
      "a replaced layer of another shape",
      [...pair(), [`base_model.model.${Q.replace("q_", "o_")}.weight`, f32([4, 8], 1)]],
      /base's has \[8, 8\]/,
    ],
    ["no tensor", [], /no tensor/],
  ])("%s", async (_, tensors, message) => {
    const error = await failureOf(open(adapterFiles({}, tensors)));
    expect(error.message).toMatch(message);
  });

  it("a value that is not finite, by its tensor", async () => {
    const [a, b] = pair();
    (a as [string, RawTensor])[1].data.set(new Uint8Array(Float32Array.of(NaN).buffer), 8);
    const error = await failureOf(
      tensorOf(adapterFiles({}, [a as [string, RawTensor], b as [string, RawTensor]]), `${Q}.weight`),
    );
    expect(error.message).toMatch(/NaN at index 2 of .*lora_A/);
  });

  it("a torn file of tensors", async () => {
    const files = adapterFiles();
    const bytes = files["adapter_model.safetensors"] as Buffer;
    const error = await failureOf(open({ ...files, "adapter_model.safetensors": bytes.subarray(0, bytes.length - 4) }));
    expect(error.message).toMatch(/adapter_model.safetensors is truncated/);
  });
});

describe("the base", () => {
  const opened = async (changes: Record<string, unknown>, options: { base?: string; endpoint?: string } = {}) =>
    openModelFolder(
      await writeCheckpoint(adapterFiles(changes)),
      { ...options, cacheFolder: emptyFolder() },
      { retryPolicy: QUICK },
    );

  it("is the folder that the adapter names, and that is told", async () => {
    const base = await writeCheckpoint(tinyFiles());
    const { notices } = await opened({ base_model_name_or_path: base });
    expect(notices).toEqual([`the base is ${base}, as adapter_config.json says`]);
  });

  it("is the repository that the adapter names, pulled or read in parts", async () => {
    const hub = await startHub(tinyFiles() as Record<string, Buffer | string>);
    const named = { base_model_name_or_path: hub.repository };
    const { folder, notices } = await opened(named, { endpoint: hub.endpoint });
    expect(notices).toEqual([`the base is hf:${hub.repository}, as adapter_config.json says`]);
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.tensors.get(`${Q}.weight`)?.change).toBeDefined();
    await checkpoint.close();
  });

  it("can be here while the adapter is on the hub, whose name the model gets", async () => {
    const hub = await startHub(adapterFiles() as Record<string, Buffer | string>);
    const base = await writeCheckpoint(tinyFiles());
    for (const stream of [true, false]) {
      const { folder, source } = await openModelFolder(
        `hf:${hub.repository}`,
        { base, stream, endpoint: hub.endpoint, cacheFolder: emptyFolder() },
        { retryPolicy: QUICK },
      );
      expect([folder.name, source?.name]).toEqual(["tiny-reward", hub.repository]);
    }
  });

  it("that is another than the adapter's is told; a copy of its name is not", async () => {
    const base = await writeCheckpoint(tinyFiles());
    const { notices } = await opened({ base_model_name_or_path: "someone/other" }, { base });
    expect(notices?.join()).toMatch(/was trained on someone\/other, and is merged into/);
    const copy = join(emptyFolder(), "Other");
    mkdirSync(copy);
    for (const name of Object.keys(tinyFiles())) copyFileSync(join(base, name), join(copy, name));
    expect((await opened({ base_model_name_or_path: "someone/other" }, { base: copy })).notices).toEqual([]);
  });

  it("is missed in one sentence", async () => {
    expect((await failureOf(opened({}))).message).toMatch(/does not name the adapter's base: name it with/);
    expect((await failureOf(opened({ base_model_name_or_path: "/nowhere/base" }))).message).toMatch(
      /names "\/nowhere\/base" .* does not exist here/,
    );
    const chained = await writeCheckpoint(adapterFiles());
    expect((await failureOf(opened({}, { base: chained }))).message).toMatch(/is an adapter itself/);
    const plain = await writeCheckpoint(tinyFiles());
    expect((await failureOf(openModelFolder(plain, { base: plain }))).message).toMatch(/is not an adapter/);
    const { "adapter_config.json": _, ...lone } = adapterFiles();
    const message = /has the weights of an adapter \(adapter_model\.safetensors\), but no adapter_config\.json/;
    for (const files of [lone, { ...lone, "config.json": "{}" }]) {
      const folder = await writeCheckpoint(files);
      expect((await failureOf(openModelFolder(folder, { base: plain }))).message).toMatch(message);
      expect((await failureOf(openCheckpoint(folder))).message).toMatch(message);
    }
    // transformers does not read it either.
    const both = await writeCheckpoint({ ...tinyFiles(), ...lone });
    await (await openCheckpoint(both)).close();
  });
});

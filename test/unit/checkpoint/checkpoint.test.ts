import { execFile } from "node:child_process";
import { mkdir, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import type { CheckpointTensor } from "../../../src/checkpoint/checkpoint-tensor.ts";
import { FileError } from "../../../src/errors.ts";
import {
  type Files,
  f32,
  safetensors,
  sentencePiece,
  tinyFiles,
  tinyPieces,
  tinyTensors,
  withJson,
  writeCheckpoint,
} from "../convert/make-checkpoint.ts";

const index = (map: Record<string, unknown>) => JSON.stringify({ weight_map: map });

function sharded(changes: Files): Files {
  const { "model.safetensors": _, ...files } = tinyFiles();
  return { ...files, ...changes };
}

async function failure(files: Files): Promise<FileError> {
  const folder = await writeCheckpoint(files);
  const error = await openCheckpoint(folder).catch((e: unknown) => e);
  await rm(folder, { recursive: true });
  expect(error).toBeInstanceOf(FileError);
  return error as FileError;
}

describe("openCheckpoint", () => {
  it("reads ranges of tensors", async () => {
    const folder = await writeCheckpoint(tinyFiles());
    const checkpoint = await openCheckpoint(folder);
    const tensor = checkpoint.tensors.get("transformer.embed_tokens.weight") as CheckpointTensor;
    const bytes = new Uint8Array(8);
    await checkpoint.readTensor(tensor, 4, bytes);
    const all = tinyTensors(tinyPieces.length).get("transformer.embed_tokens.weight") as { data: Uint8Array };
    expect([...bytes]).toEqual([...all.data.subarray(4, 12)]);
    await expect(checkpoint.readTensor(tensor, tensor.size - 4, bytes)).rejects.toThrow(RangeError);
    await truncate(join(folder, "model.safetensors"), 100);
    await expect(checkpoint.readTensor(tensor, 4, bytes)).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
    await checkpoint.close();
  });

  it("follows links, as the cache of the hub has them", async () => {
    const target = await writeCheckpoint(tinyFiles());
    const folder = await writeCheckpoint({});
    for (const name of Object.keys(tinyFiles())) await symlink(join(target, name), join(folder, name));
    await (await openCheckpoint(folder)).close();
  });

  it.each(["config.json", "tokenizer.model"])("says when %s is missing", async (name) => {
    const { [name]: _, ...files } = tinyFiles();
    const error = await failure(files);
    expect(error.code).toBe("ERR_FILE_NOT_READABLE");
    expect(error.message).toContain(name);
  });

  it("says when there is no folder, or a file in its place", async () => {
    const folder = await writeCheckpoint({ "a.txt": "" });
    for (const path of [join(folder, "nowhere"), join(folder, "a.txt")])
      await expect(openCheckpoint(path)).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE", file: path });
  });

  it.skipIf(process.platform === "win32")("does not wait for a pipe or read a folder", async () => {
    const { "config.json": _, ...files } = tinyFiles();
    const folder = await writeCheckpoint(files);
    await promisify(execFile)("mkfifo", [join(folder, "config.json")]);
    await expect(openCheckpoint(folder)).rejects.toThrow(/not a regular file/);
    await rm(join(folder, "config.json"));
    await mkdir(join(folder, "config.json"));
    await expect(openCheckpoint(folder)).rejects.toThrow(/not a regular file/);
  });

  it("refuses a JSON file that is far too large before it reads it", async () => {
    const folder = await writeCheckpoint(tinyFiles());
    await truncate(join(folder, "config.json"), 2 * 1024 ** 3);
    await expect(openCheckpoint(folder)).rejects.toThrow(/2147483648 bytes; the limit is/);
  });

  it("refuses an adapter, beside weights or without any: they would score without it", async () => {
    const adapter = { "adapter_config.json": "{}" };
    for (const files of [
      { ...tinyFiles(), ...adapter },
      { ...adapter, "adapter_model.safetensors": "" },
    ])
      expect(await failure(files)).toMatchObject({
        code: "ERR_INVALID_CHECKPOINT",
        message: expect.stringMatching(
          /adapter_config\.json describes an adapter \(LoRA\), .*merge it into the weights/,
        ),
      });
  });

  it("refuses more pieces than vocab_size", async () => {
    const error = await failure(withJson("config.json", { vocab_size: tinyPieces.length - 1 }));
    expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", field: "vocab_size" });
    expect(error.file).toMatch(/tokenizer\.model$/);
    expect((await failure({ ...tinyFiles(), "tokenizer.model": sentencePiece({ pieces: [] }) })).message).toMatch(
      /no pieces/,
    );
  });
});

describe("weight files", () => {
  it("of torch.save are found under their usual names, or alone under any", async () => {
    for (const name of ["pytorch_model.bin", "reward.pt", "starling-model.bin"])
      for (const beside of [{}, { "training_args.bin": "x" }])
        expect((await failure(sharded({ [name]: "x", ...beside }))).message).toMatch(/not a torch\.save file/);
    expect((await failure(sharded({ "a.bin": "x", "b.pt": "x" }))).message).toMatch(
      /2 PyTorch files \("a\.bin", "b\.pt"/,
    );
    expect((await failure(sharded({}))).message).toMatch(/neither model.safetensors nor/);
  });

  it.each([
    "../model.safetensors",
    "sub/model.safetensors",
    "sub\\model.safetensors",
    "/etc/passwd",
    "C:model.safetensors",
    ".safetensors",
    "..safetensors",
    "model.bin",
    "model.safetensors\0",
    "",
    7,
    null,
  ])("an index must not name %j", async (name) => {
    const error = await failure(sharded({ "model.safetensors.index.json": index({ a: name }) }));
    expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", tensor: "a", field: "weight_map" });
  });

  const one = safetensors(new Map([["a", f32([1], 1)]]));
  const two = safetensors(new Map([["b", f32([1], 1)]]));

  it.each<[string, Files, RegExp]>([
    ["without weight_map", { "model.safetensors.index.json": "{}" }, /has no weight_map; expected an object/],
    ["with an empty weight_map", { "model.safetensors.index.json": index({}) }, /names no tensor/],
    [
      "with a tensor twice",
      { "model.safetensors.index.json": '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}' },
      /"a" twice/,
    ],
    [
      "of a file that is not there",
      { "model.safetensors.index.json": index({ a: "1.safetensors" }) },
      /does not exist/,
    ],
    [
      "of a tensor that its file lacks",
      { "model.safetensors.index.json": index({ a: "1.safetensors", c: "1.safetensors" }), "1.safetensors": one },
      /has no tensor "c"/,
    ],
    [
      "that does not know a tensor of a file",
      {
        "model.safetensors.index.json": index({ a: "1.safetensors", c: "2.safetensors" }),
        "1.safetensors": one,
        "2.safetensors": two,
      },
      /"b", which .* does not place there/,
    ],
    [
      "that names another file for a tensor",
      {
        "model.safetensors.index.json": index({ a: "2.safetensors", b: "1.safetensors" }),
        "1.safetensors": one,
        "2.safetensors": two,
      },
      /"a", which .* does not place there/,
    ],
    [
      "of two files with one tensor",
      {
        "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
        "1.safetensors": one,
        "2.safetensors": one,
      },
      /"a", which is also in .*1\.safetensors/,
    ],
    [
      "of too many files",
      {
        "model.safetensors.index.json": index(
          Object.fromEntries(Array.from({ length: 257 }, (_, i) => [i, `${i}.safetensors`])),
        ),
      },
      /257 files/,
    ],
  ])("an index %s is refused", async (_, files, message) => {
    expect((await failure(sharded(files))).message).toMatch(message);
  });

  it.skipIf(process.platform !== "linux")("are closed when something is wrong", async () => {
    const folder = await writeCheckpoint(tinyFiles());
    await writeFile(join(folder, "model.safetensors"), "garbage garbage");
    const openBefore = (await readdir("/proc/self/fd")).length;
    for (let i = 0; i < 20; i++) await expect(openCheckpoint(folder)).rejects.toThrow(FileError);
    expect((await readdir("/proc/self/fd")).length).toBeLessThan(openBefore + 10);
  });
});

/** Heads in files of their own and in copies of a model. */

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../../src/embedded-model.ts";
import { convert, inspectModel } from "../../../src/entry/convert.ts";
import { fitModel, replaceHead, writeHead } from "../../../src/entry/fit.ts";
import { TemporaryFile } from "../../../src/files/temporary-file.ts";
import type { FitRecord } from "../../../src/gguf/fit-record.ts";
import { type HeadFile, readHeadFile, writeHeadFile } from "../../../src/gguf/head-file.ts";
import type { GgufHeader } from "../../../src/gguf/header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import { serializeHeader } from "../../../src/gguf/serialize.ts";
import { STARLING_KEYS } from "../../../src/gguf/starling-keys.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { loadTokenizer } from "../../../src/index.ts";
import { given } from "../../../src/options.ts";
import type { RewardHead } from "../../../src/reward-head.ts";
import { readHeadFor } from "../../../src/scoring/choose-head.ts";
import { headNotice } from "../../../src/scoring/head-notice.ts";
import { type ModelFile, readModelFile } from "../../../src/scoring/model-file.ts";

let folder: string;
let model: string;
let width: number;
let head: RewardHead;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-head-"));
  model = join(folder, "model.gguf");
  await convert({ checkpoint: embeddedCheckpoint(), output: model, type: "f16" });
  width = readRewardMetadata(await readGguf(model), model).shape.embeddingLength;
  head = { weight: Float32Array.from({ length: width }, (_, i) => Math.sin(i + 0.1)) };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fit: FitRecord = {
  model: "tiny",
  modelSha256: "ab".repeat(32),
  input: "prefs.jsonl",
  cases: 12,
  ridge: 0.03,
  calibration: { temperature: 1.7, offset: -0.25 },
};
const file = (name: string) => join(folder, name);

/** The bytes of every tensor, by name. */
async function tensorBytes(path: string): Promise<Map<string, Buffer>> {
  const bytes = readFileSync(path);
  const { tensors } = await readGguf(path);
  return new Map(tensors.map(({ name, position, size }) => [name, bytes.subarray(position, position + size)]));
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A hash of every tensor's bytes, in the order of the file. */
async function tensorsOf(path: string): Promise<string[]> {
  return [...(await tensorBytes(path))].map(([name, bytes]) => `${name} ${sha256(bytes)}`);
}

/** The metadata as bytes, but for some keys. */
function metadataOf({ metadata }: GgufHeader, without: (key: string) => boolean): string {
  return sha256(serializeHeader(new Map([...metadata].filter(([key]) => !without(key))), []).bytes);
}

describe("writeHead", () => {
  it("writes a small file that says what it is for, and is read again to the last bit", async () => {
    const output = file("head.gguf");
    const { bytes } = await writeHead({ modelPath: model, output, head, fit });
    expect(bytes).toBe(readFileSync(output).length);
    expect(bytes).toBeLessThan(4 * width + 2048);
    const read = await readHeadFile(output);
    expect(read).toEqual({
      head,
      name: `A reward head for ${(await readModelFile(model)).name}`,
      profile: "starling-rm-34b",
      tokenization: "fast-4.41",
      trunkSha256: (await readModelFile(model)).trunkSha256,
      fit,
    });
    expect(await inspectModel({ modelPath: output })).toMatchObject({
      kind: "head",
      embeddingLength: width,
      fit,
      path: output,
    });
  });

  it("keeps the tokenization that the head was fitted with", async () => {
    const output = file("slow.gguf");
    await writeHead({ modelPath: model, output, head, tokenization: "slow" });
    const read = await readHeadFile(output);
    expect(read.tokenization).toBe("slow");
    expect(read.fit).toBeUndefined();
    const own = await readModelFile(model);
    await expect(readHeadFor(output, model, own, "fast-4.41")).rejects.toMatchObject({
      code: "ERR_WRONG_HEAD",
      field: "starling.tokenization",
      message: expect.stringContaining("fitted with the tokenization slow"),
    });
    expect((await readHeadFor(output, model, own, "slow")).head).toEqual(head);
  });

  it.each<[string, object, RegExp]>([
    [
      "a head of another length",
      { head: { weight: new Float32Array(3) } },
      /weights, as many as .* for head but received 3\./,
    ],
    ["numbers that are none", { head: { weight: new Float32Array([Number.NaN]) } }, /finite numbers .* for head/],
    ["a bias that is none", { head: { weight: new Float32Array(3), bias: Number.NaN } }, /a finite float32 for head/],
    ["a bias too large for float32", { head: { weight: new Float32Array(3), bias: -1e39 } }, /finite float32 for head/],
    ["a bias of text", { head: { weight: new Float32Array(3), bias: "1" } }, /finite float32 for head/],
    ["a misspelt bias", { head: { weight: new Float32Array(3), bais: 1 } }, /weight, bias\?.* for head/],
    ["weights without a head", { head: new Float32Array(3) }, /weight, bias\?.* for head/],
    ["a plain array", { head: { weight: [1, 2] } }, /Float32Arrays of finite numbers .* for head/],
    ["a tokenization that the model does not have", { tokenization: "byte-bpe" }, /byte-bpe is not one of/],
    ["a misspelt option", { overwrit: true }, /Did you mean "overwrite"/],
  ])("refuses %s, and leaves nothing behind", async (_, change, message) => {
    const before = readdirSync(folder);
    for (const write of [writeHead, replaceHead]) {
      const options = { modelPath: model, output: file("refused.gguf"), head, ...change };
      await expect(write(options)).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
        message: expect.stringMatching(message),
      });
    }
    expect(readdirSync(folder)).toEqual(before);
  });

  it("does not replace a file unless it is told to", async () => {
    const output = file("there.gguf");
    writeFileSync(output, "mine");
    for (const write of [writeHead, replaceHead]) {
      await expect(write({ modelPath: model, output, head })).rejects.toMatchObject({ code: "ERR_FILE_NOT_WRITABLE" });
    }
    expect(readFileSync(output, "utf8")).toBe("mine");
    await writeHead({ modelPath: model, output, head, overwrite: true });
    expect((await readHeadFile(output)).head).toEqual(head);
  });
});

describe("a head of another model's trunk", () => {
  const [theirs, second] = ["ab".repeat(32), "cd".repeat(32)];
  const fitted = (trunkSha256: string): FitRecord => ({ ...fit, model: "another", trunkSha256 });

  it("is refused in words that name both trunks, and taken with foreignHead", async () => {
    const output = file("foreign.gguf");
    const own = await readModelFile(model);
    await writeHead({ modelPath: model, output, head, fit: fitted(theirs), foreignHead: true });
    expect(await readHeadFile(output)).toMatchObject({ trunkSha256: theirs, fit: fitted(theirs) });
    await expect(readHeadFor(output, model, own, "fast-4.41")).rejects.toMatchObject({
      code: "ERR_WRONG_HEAD",
      field: "starling.trunk.sha256",
      message: expect.stringMatching(
        new RegExp(`abababababab \\(another\\), and .* ${own.trunkSha256?.slice(0, 12)}, .*--foreign-head`),
      ),
    });
    expect((await readHeadFor(output, model, own, "fast-4.41", true)).head).toEqual(head);
    // What cannot be multiplied stays an error.
    await expect(readHeadFor(output, model, own, "slow", true)).rejects.toThrow(/tokenization/);
    const older: ModelFile = { ...own };
    Reflect.deleteProperty(older, "trunkSha256");
    expect((await readHeadFor(output, model, older, "fast-4.41")).head).toEqual(head);
  });

  it("is not written for this one, unless with foreignHead", async () => {
    const before = readdirSync(folder);
    for (const write of [writeHead, replaceHead]) {
      const options = { modelPath: model, output: file("not-written.gguf"), head, fit: fitted(second) };
      await expect(write(options)).rejects.toMatchObject({
        code: "ERR_WRONG_HEAD",
        message: expect.stringMatching(/trunk cdcdcdcdcdcd \(another\), and the model's trunk is [0-9a-f]{12}\. /),
      });
    }
    expect(readdirSync(folder)).toEqual(before);
    const output = file("foreign-model.gguf");
    await replaceHead({ modelPath: model, output, head, fit: fitted(second), foreignHead: true });
    const written = await readModelFile(output);
    expect(written.trunkSha256).toBe((await readModelFile(model)).trunkSha256);
    const { name, trunkSha256, fit: record } = written;
    expect(headNotice({ name, ...given({ trunkSha256, fit: record }) })).toMatch(
      /the head of .* another \(trunk cdcdcdcdcdcd, here [0-9a-f]{12}\)/,
    );
  });

  it("keeps the trunk through another head, and shows it", async () => {
    const { trunkSha256 } = await readModelFile(model);
    expect(trunkSha256).toMatch(/^[0-9a-f]{64}$/);
    const [output, alone] = [file("same-trunk.gguf"), file("same-trunk-head.gguf")];
    const record = { ...fit, ...given({ trunkSha256 }) };
    await replaceHead({ modelPath: model, output, head, fit: record });
    await writeHead({ modelPath: output, output: alone, head });
    const own = await readModelFile(model);
    expect((await readHeadFor(alone, model, own, "fast-4.41")).trunkSha256).toBe(trunkSha256);
    expect(await inspectModel({ modelPath: output })).toMatchObject({ trunkSha256, fit: record });
    expect(await inspectModel({ modelPath: alone })).toMatchObject({ kind: "head", trunkSha256 });
  });
});

describe("a head file", () => {
  it("is no model, and a model is not a head file: both are told in words", async () => {
    const output = file("head-2.gguf");
    await writeHead({ modelPath: model, output, head });
    await expect(loadTokenizer({ modelPath: output })).rejects.toThrow(/contains only a reward head, not a model/);
    await expect(readHeadFile(model)).rejects.toMatchObject({
      code: "ERR_WRONG_HEAD",
      message: expect.stringContaining("is not a head file: it is a whole model"),
    });
    await expect(readHeadFile(file("none.gguf"))).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
  });

  it("is refused beside a model of another size or kind", async () => {
    const own = await readModelFile(model);
    const write = async (name: string, change: Partial<HeadFile>) => {
      const to = await TemporaryFile.create(file(name));
      const content: HeadFile = { head, name: "", profile: "starling-rm-34b", tokenization: "fast-4.41", ...change };
      await writeHeadFile(to, content);
      await to.publish(false);
      return file(name);
    };
    const short = await write("short.gguf", { head: { weight: head.weight.slice(1) } });
    await expect(readHeadFor(short, model, own, "fast-4.41")).rejects.toThrow(
      new RegExp(`it has ${width - 1} weights, and the model has ${width} hidden dimensions`),
    );
    const other = await write("other.gguf", { profile: "starling-rm-7b-alpha" });
    await expect(readHeadFor(other, model, own, "fast-4.41")).rejects.toThrow(/fitted to a starling-rm-7b-alpha/);
  });

  it("keeps the date that the template wrote in the fit", async () => {
    const dated = { ...fit, templateDate: "2024-07-26" };
    const output = file("dated.gguf");
    await writeHead({ modelPath: model, output, head, fit: dated });
    expect((await readHeadFile(output)).fit).toEqual(dated);
  });

  it.each<[string, (metadata: Map<string, GgufValue>) => void, RegExp]>([
    ["without a head", (m) => m.delete(STARLING_KEYS.headWeight), /has no metadata key starling.head.weight/],
    ["without a length", (m) => m.delete("llama.embedding_length"), /has no metadata key llama.embedding_length/],
    [
      "whose length is another",
      (m) => m.set("llama.embedding_length", { type: "u32", value: 2 }),
      /has \d+ entries in starling.head.weight; expected 2/,
    ],
    [
      "with a number that is none",
      (m) => m.set(STARLING_KEYS.headWeight, { type: "array", of: "f32", value: head.weight.with(3, Number.NaN) }),
      /contains NaN at index 3 of the reward head/,
    ],
    [
      "of a kind that is not known",
      (m) => m.set(STARLING_KEYS.profile, { type: "string", value: "x" }),
      /profile = "x"/,
    ],
    ["of a later format", (m) => m.set(STARLING_KEYS.formatVersion, { type: "u32", value: 9 }), /newer starling-rm/],
    ["with a hash that is none", (m) => m.set(STARLING_KEYS.fitModelSha256, { type: "string", value: "x" }), /SHA-256/],
    [
      "with a trunk that is none",
      (m) => m.set(STARLING_KEYS.trunkSha256, { type: "string", value: "" }),
      /64 hexadecimal digits in starling\.trunk/,
    ],
    ["with a ridge below 0", (m) => m.set(STARLING_KEYS.fitRidge, { type: "f64", value: -1 }), /fit.ridge = -1/],
  ])("%s is refused", async (what, change, message) => {
    const sound = file("sound.gguf");
    await writeHead({ modelPath: model, output: sound, head, fit, overwrite: true });
    const metadata = new Map((await readGguf(sound)).metadata);
    change(metadata);
    const broken = file(`broken-${what.replaceAll(" ", "-")}.gguf`);
    writeFileSync(broken, serializeHeader(metadata, []).bytes);
    await expect(readHeadFile(broken)).rejects.toMatchObject({
      code: "ERR_INVALID_GGUF",
      message: expect.stringMatching(message),
    });
  });

  it("that was cut anywhere is refused", async () => {
    const output = file("cut.gguf");
    await writeHead({ modelPath: model, output, head, fit });
    const bytes = readFileSync(output);
    for (let length = 0; length < bytes.length - 32; length += 13) {
      writeFileSync(output, bytes.subarray(0, length));
      await expect(readHeadFile(output)).rejects.toMatchObject({ code: "ERR_INVALID_GGUF" });
    }
  });
});

it("a head file never replaces its model", async () => {
  const own = file("never-replaced.gguf");
  const before = readFileSync(model);
  writeFileSync(own, before);
  const writing = writeHead({ modelPath: own, output: own, head, overwrite: true });
  await expect(writing).rejects.toMatchObject({
    code: "ERR_FILE_NOT_WRITABLE",
    message: expect.stringMatching(/it is the model being read/),
  });
  expect(readFileSync(own).equals(before)).toBe(true);
});

it("no part of a model in parts is replaced: the others would be lost with it", async () => {
  const output = file("in-parts.gguf");
  const { parts = [] } = await convert({
    ...{ checkpoint: embeddedCheckpoint(), output, type: "f16", splitSize: Math.ceil(readFileSync(model).length / 2) },
  });
  expect(parts.length).toBeGreaterThan(1);
  const [modelPath = ""] = parts;
  const before = parts.map((part) => readFileSync(part));
  const data = { benchmark: "pairs", inputs: [file("none.jsonl")] } as const;
  for (const part of parts) {
    for (const name of ["output", "headOutput"])
      await expect(fitModel({ modelPath, data, [name]: part, overwrite: true })).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
        message: expect.stringMatching(/a file other than the model/),
      });
    for (const write of [writeHead, replaceHead])
      await expect(write({ modelPath, output: part, head, overwrite: true })).rejects.toMatchObject({
        code: "ERR_FILE_NOT_WRITABLE",
        message: expect.stringMatching(/it is (the|a part of the) model being read/),
      });
  }
  expect(parts.map((part, i) => readFileSync(part).equals(before[i] as Buffer))).toEqual(parts.map(() => true));
});

describe("replaceHead", () => {
  it("copies every tensor byte for byte and all other metadata, and says where the head comes from", async () => {
    const output = file("new.gguf");
    const progress: number[] = [];
    const { bytes, tensors } = await replaceHead({
      modelPath: model,
      output,
      head,
      fit,
      onProgress: ({ bytesDone, bytesTotal }) => progress.push(bytesDone / bytesTotal),
    });
    expect(bytes).toBe(readFileSync(output).length);
    const [before, after] = [await readGguf(model), await readGguf(output)];
    expect(tensors).toBe(before.tensors.length);
    expect(await tensorsOf(output)).toEqual(await tensorsOf(model));
    const written = readRewardMetadata(after, output);
    expect(written.head).toEqual(head);
    expect(readRewardMetadata(before, model).head).not.toEqual(head);
    expect(written.fit).toEqual(fit);
    const isHead = (key: string) => key === STARLING_KEYS.headWeight || key.startsWith("starling.fit.");
    expect(metadataOf(after, isHead)).toBe(metadataOf(before, isHead));
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBeLessThanOrEqual(1);
  });

  it("brings the first file back when the first head is put back", async () => {
    const [once, back] = [file("once.gguf"), file("back.gguf")];
    await replaceHead({ modelPath: model, output: once, head, fit });
    const own = (await readModelFile(model)).head;
    await replaceHead({ modelPath: once, output: back, head: own });
    expect(readFileSync(back).equals(readFileSync(model))).toBe(true);
  });

  it("replaces the model itself when it is told to", async () => {
    const own = file("own.gguf");
    writeFileSync(own, readFileSync(model));
    await replaceHead({ modelPath: own, output: own, head, overwrite: true });
    expect((await readModelFile(own)).head).toEqual(head);
    expect(await tensorsOf(own)).toEqual(await tensorsOf(model));
  });

  it("keeps a file's own alignment", async () => {
    const { metadata, tensors } = await readGguf(model);
    const wide = new Map<string, GgufValue>([...metadata, ["general.alignment", { type: "u32", value: 256 }]]);
    const bytes = await tensorBytes(model);
    const header = serializeHeader(wide, tensors, 256);
    const out = Buffer.alloc(header.fileSize);
    header.bytes.copy(out);
    for (const { name, position } of header.tensors) bytes.get(name)?.copy(out, position);
    const source = file("aligned.gguf");
    writeFileSync(source, out);
    const output = file("aligned-new.gguf");
    await replaceHead({ modelPath: source, output, head });
    expect((await readGguf(output)).alignment).toBe(256);
    expect(await tensorsOf(output)).toEqual(await tensorsOf(model));
  });

  it("can be stopped, and leaves nothing behind", async () => {
    const before = readdirSync(folder);
    const stop = new AbortController();
    const reason = new Error("enough");
    const work = replaceHead({
      modelPath: model,
      output: file("stopped.gguf"),
      head,
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
    expect(readdirSync(folder)).toEqual(before);
  });
});

/** A model's file that changes while the model is loaded: an error or the right score, and never another score. */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelHash } from "../../src/evaluation/model-hash.ts";
import { DEFAULT_ALIGNMENT } from "../../src/gguf/header.ts";
import { OpenedGguf } from "../../src/gguf/opened-gguf.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { serializeHeader } from "../../src/gguf/serialize.ts";
import type { GgufValue } from "../../src/gguf/value.ts";
import { embeddedModelPath } from "../../src/model-path.ts";
import { quantize } from "../../src/quantize.ts";
import type { RewardHead } from "../../src/reward-head.ts";
import { loadRewardModel } from "../../src/scoring/load-reward-model.ts";
import type { RewardModel } from "../../src/scoring/reward-model.ts";
import type { LoadRewardModelOptions } from "../../src/scoring/types.ts";
import { replaceHead } from "../../src/write-head.ts";
import { errorOf, folder, load, openAddon, removeFolder } from "./support.ts";

const prompt = "Name a fruit.";
const responses = ["An apple.", "A stone."];
const items = responses.map((response) => ({ prompt, response }));

let original: string;
let scores: readonly number[];
let count = 0;

beforeAll(async () => {
  // Mapped from the file, as all types are that llama.cpp does not repack.
  original = await embeddedModelPath({ cacheFolder: folder, type: "f16" });
  const model = await open(original);
  scores = await scoresOf(model);
  await model.close();
});
afterAll(removeFolder);

const open = (modelPath: string, options: Partial<LoadRewardModelOptions> = {}) =>
  loadRewardModel({ modelPath, gpu: "off", threads: 1, ...options });
const scoresOf = async (model: RewardModel) => (await model.score(items)).map(({ score }) => score);

function copy(): string {
  const path = join(folder, `copy-${count++}.gguf`);
  copyFileSync(original, path);
  // File systems tell times in steps: what was made just now could change without another time.
  const yesterday = new Date(Date.now() - 86_400_000);
  utimesSync(path, yesterday, yesterday);
  return path;
}

const zeros = (path: string) => Buffer.alloc(statSync(path).size - 4096);

const changes: readonly [what: string, change: (path: string) => void][] = [
  [
    "overwritten in place by zeros",
    (path) => writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 4096), zeros(path)]), { flag: "r+" }),
  ],
  ["cut off", (path) => truncateSync(path, 4096)],
  ["emptied and written again", (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.of(0)]))],
  [
    "replaced by another file",
    (path) => {
      writeFileSync(`${path}.new`, readFileSync(path));
      renameSync(`${path}.new`, path);
    },
  ],
];

describe.each(changes)("a model's file that was %s", (_, change) => {
  it("is an error of every call", async () => {
    const path = copy();
    await using model = await open(path);
    expect(await scoresOf(model)).toEqual(scores);
    await using ranking = await model.openPrompt({ prompt });
    change(path);
    const outcomes = async (stream: AsyncIterable<unknown>) => {
      for await (const outcome of stream) expect(outcome).toBe("nothing");
    };
    const calls = {
      score: () => model.score(items),
      scoreEach: () => outcomes(model.scoreEach(items)),
      perToken: () => model.score(items, { perToken: true }),
      features: () => model.features(items),
      featuresEach: () => outcomes(model.featuresEach(items)),
      rank: () => model.rank({ prompt, responses }),
      openPrompt: () => model.openPrompt({ prompt }),
      ranking: () => ranking.score("An apple."),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await errorOf(call());
      expect({ name, code: error.code }).toEqual({ name, code: "ERR_MODEL_CHANGED" });
      expect(error.message).toContain(`The file ${path} `);
    }
  });

  it("does not matter to a model whose weights were read into memory", async () => {
    const path = copy();
    await using model = await open(path, { mmap: false });
    change(path);
    expect(await scoresOf(model)).toEqual(scores);
  });

  it("has no hash", async () => {
    const path = copy();
    const file = await OpenedGguf.open(path);
    change(path);
    expect(await errorOf(modelHash(file, { cacheFolder: folder }))).toMatchObject({ code: "ERR_MODEL_CHANGED" });
    await file.close();
  });
});

describe("a model's file", () => {
  it("may be deleted, and touched by nothing else", async () => {
    const path = copy();
    await using model = await open(path);
    rmSync(path);
    expect(await scoresOf(model)).toEqual(scores);
  });

  it("that changes during a call ends it, and what came before is right", async () => {
    const path = copy();
    await using model = await open(path);
    const seen: number[] = [];
    const many = Array.from({ length: 3000 }, (_, i) => items[i % 2]) as typeof items;
    const scoring = (async () => {
      for await (const outcome of model.scoreEach(many)) {
        expect(outcome).toHaveProperty("score");
        if (seen.push((outcome as { score: number }).score) === 10) changes[0]?.[1](path);
      }
    })();
    expect(await errorOf(scoring)).toMatchObject({ code: "ERR_MODEL_CHANGED" });
    expect(seen.length).toBeGreaterThanOrEqual(10);
    expect(seen.length).toBeLessThan(many.length);
    seen.forEach((score, i) => void expect(score).toBe(scores[i % 2]));
  });

  it.skipIf(process.platform === "win32")("is the open one, whatever its path says", async () => {
    const addon = await openAddon();
    const sequence = [Int32Array.of(5, 6, 7)];
    const { head } = await headOf(original);
    const byPath = await load(addon, original, { head });
    const byDescriptor = await load(addon, join(folder, "there-is-no-such-file"), {
      head,
      descriptor: openSync(original, "r"),
    });
    expect(await byDescriptor.score(sequence).promise).toEqual(await byPath.score(sequence).promise);
    await Promise.all([byPath.close(), byDescriptor.close()]);
    expect(() => load(addon, original, { head, descriptor: 123_456 })).toThrow(/cannot be handed to llama\.cpp/);
  });

  it("that changes while it is copied or quantised makes no file", async () => {
    const path = copy();
    const output = join(folder, "output.gguf");
    const { head } = await headOf(path);
    const copying = replaceHead({ modelPath: path, output, head, onProgress: () => changes[0]?.[1](path) });
    expect(await errorOf(copying)).toMatchObject({ code: "ERR_MODEL_CHANGED" });
    expect(existsSync(output)).toBe(false);
    const other = copy();
    const elsewhere = join(folder, "quantised");
    mkdirSync(elsewhere);
    const quantizing = quantize({ input: other, output: join(elsewhere, "output.gguf"), type: "q8_0" });
    // The header was read when the output's temporary file exists.
    while (!readdirSync(elsewhere).some((name) => name.endsWith(".partial"))) await nextTurn();
    changes[3]?.[1](other);
    expect(await errorOf(quantizing)).toMatchObject({ code: "ERR_MODEL_CHANGED" });
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function headOf(path: string): Promise<{ head: RewardHead }> {
  await using model = await open(path);
  return { head: model.head };
}

describe("tensors that are aligned otherwise", () => {
  it.each([1, 2, 4, 8, 16, 64, 4096])("to %d bytes give the same scores", async (alignment) => {
    const path = join(folder, `aligned-${alignment}.gguf`);
    await realign(original, path, alignment);
    for (const mmap of [undefined, true, false]) {
      await using model = await open(path, mmap === undefined ? {} : { mmap });
      expect(await scoresOf(model)).toEqual(scores);
    }
  });

  it.each([8, 64])(
    "to %d bytes are not quantised, for llama.cpp would write another file than it says",
    async (alignment) => {
      const [path, output] = [join(folder, `aligned-${alignment}.gguf`), join(folder, "from-aligned.gguf")];
      const error = await errorOf(quantize({ input: path, output, type: "q8_0", threads: 1 }));
      expect(error).toMatchObject({ code: "ERR_UNSUPPORTED_TYPE", field: "general.alignment" });
      expect(existsSync(output)).toBe(false);
    },
  );
});

describe("hidden states that are all zeros", () => {
  it("are no score", async () => {
    const path = join(folder, "zeros.gguf");
    const bytes = readFileSync(original);
    const norm = (await readGguf(original)).tensors.find(({ name }) => name === "output_norm.weight");
    bytes.fill(0, norm?.position, (norm?.position ?? 0) + (norm?.size ?? 0));
    writeFileSync(path, bytes);
    await using model = await open(path);
    const error = await errorOf(model.score(items));
    expect(error).toMatchObject({ code: "ERR_NOT_FINITE" });
    expect(error.message).toMatch(/model file is damaged/);
  });
});

async function realign(from: string, to: string, alignment: number): Promise<void> {
  const gguf = await readGguf(from);
  expect(gguf.alignment).toBe(DEFAULT_ALIGNMENT);
  const bytes = readFileSync(from);
  const metadata = new Map<string, GgufValue>(gguf.metadata);
  metadata.set("general.alignment", { type: "u32", value: alignment });
  // One metadata key more or less moves the data: not every file of a small alignment lies badly by itself.
  const header = serializeHeader(metadata, gguf.tensors, alignment);
  const file = Buffer.alloc(header.fileSize);
  file.set(header.bytes);
  for (const [i, { position }] of header.tensors.entries()) {
    const { position: start, size } = gguf.tensors[i] as (typeof gguf.tensors)[0];
    file.set(bytes.subarray(start, start + size), position);
  }
  writeFileSync(to, file);
}

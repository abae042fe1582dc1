/** A split model loads in llama.cpp, scores as the whole one does, and is quantised from its first part. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { convert, inspectModel, quantize } from "../../src/entry/convert.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { loadRewardModel, predictMemory } from "../../src/index.ts";
import { packageRoot } from "../../src/package-info.ts";
import { folder, removeFolder } from "./support.ts";

afterAll(removeFolder);

const checkpoint = join(packageRoot(), "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const texts = ["A starling sings.", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>"].map(
  (text) => ({ text }),
);
const whole = join(folder, "whole.f16.gguf");
let first: string;
let parts: readonly string[];

beforeAll(async () => {
  await convert({ checkpoint, output: whole, type: "f16" });
  const result = await convert({ checkpoint, output: join(folder, "split.gguf"), type: "f16", splitSize: 512 * 1024 });
  [first, parts] = [result.output, result.parts ?? []];
});

async function scores(modelPath: string): Promise<number[]> {
  await using model = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  return (await model.score(texts)).map(({ score }) => score);
}

it("scores bit for bit as the whole file", async () => {
  expect(parts.length).toBeGreaterThan(2);
  expect(await scores(first)).toEqual(await scores(whole));
});

it("is described, and needs the memory, as the whole file", async () => {
  const { path: _, ...split } = await inspectModel({ modelPath: first });
  expect(await inspectModel({ modelPath: whole })).toMatchObject({ ...split, memory: expect.anything() });
  const needed = async (modelPath: string) => ({ ...(await predictMemory({ modelPath })), available: 0 });
  expect(await needed(first)).toEqual(await needed(whole));
});

it("is quantised to the bytes of the whole one, and into parts again", async () => {
  const outputs = ["from-whole.gguf", "from-parts.gguf"].map((name) => join(folder, name));
  for (const [i, input] of [whole, first].entries())
    await quantize({ input, output: outputs[i] as string, type: "q8_0", threads: 1 });
  const tensors = async (path: string) => readFileSync(path).subarray((await readGguf(path)).dataPosition);
  const [a, b] = [await tensors(outputs[0] as string), await tensors(outputs[1] as string)];
  expect(a.equals(b)).toBe(true);
  const split = await quantize({
    input: whole,
    output: join(folder, "q8.gguf"),
    type: "q8_0",
    threads: 1,
    splitSize: 400_000,
  });
  expect(split.parts?.length).toBeGreaterThan(1);
  expect(await scores(split.output)).toEqual(await scores(outputs[0] as string));
});

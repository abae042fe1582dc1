/** Adapters of genuine PEFT, merged here and by merge_and_unload: tensors and scores. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { floatTypeOf } from "../../src/checkpoint/checkpoint-tensor.ts";
import { convertFloats } from "../../src/checkpoint/dtypes.ts";
import { convert } from "../../src/entry/convert.ts";
import { openModelFolder } from "../../src/hub/model-folder.ts";
import { loadRewardModel, loadTokenizer } from "../../src/index.ts";
import { adapters, makeCausalBase } from "../causal-base.ts";
import { root } from "./goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-adapters-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const base = makeCausalBase(join(folder, "hf-causal-bpe"));

interface Golden {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[]; readonly score: number }[];
  readonly merged: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly sum: number; readonly values: Record<string, number> }>
  >;
}

const goldenOf = (name: string): Golden =>
  JSON.parse(readFileSync(join(root, "test", "fixtures", "goldens", "adapters", `${name}.json`), "utf8"));

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

describe.each(["plain", "patterns", "dora", "embeddings"])("the adapter %s", (name) => {
  const golden = goldenOf(name);
  const checkpoint = join(adapters, name);

  it("has the tensors that PEFT merges, within float32's rounding", async () => {
    const opened = await openCheckpoint((await openModelFolder(checkpoint, { base })).folder);
    try {
      const changed = [...opened.tensors.values()].filter(
        ({ change, fileName }) => change ?? fileName.startsWith("adapter"),
      );
      expect(changed.map(({ name: tensor }) => tensor).sort()).toEqual(Object.keys(golden.merged).sort());
      for (const tensor of changed) {
        const { shape, sum, values } = golden.merged[tensor.name] as Golden["merged"][string];
        expect(tensor.shape).toEqual(shape);
        const bytes = new Uint8Array(tensor.size);
        await opened.readTensor(tensor, 0, bytes);
        const wide = new Float32Array(convertFloats(bytes, floatTypeOf(tensor), "f32").slice().buffer);
        for (const [index, value] of Object.entries(values))
          expect(Math.abs((wide[Number(index)] as number) - value)).toBeLessThanOrEqual(
            3e-7 * Math.max(Math.abs(value), 0.5),
          );
        expect(Math.abs(wide.reduce((total, value) => total + value, 0) - sum)).toBeLessThan(1e-4);
      }
    } finally {
      await opened.close();
    }
  });

  it("has the reference's ids and scores", async () => {
    const texts = golden.texts.map(({ text }) => ({ text }));
    for (const [type, largest] of [
      ["f32", 1e-3],
      ["f16", 0.02],
    ] as const) {
      const output = join(folder, `${name}.${type}.gguf`);
      await convert({ checkpoint, base, output, type });
      await using model = await loadRewardModel({ modelPath: output, gpu: "off", threads: 1 });
      const errors = (await model.score(texts)).map(({ score }, i) =>
        Math.abs(score - (golden.texts[i]?.score ?? NaN)),
      );
      expect(Math.max(...errors)).toBeLessThan(largest);
      if (type !== "f32") continue;
      expect(median(errors)).toBeLessThan(2e-4);
      const tokens = await (await loadTokenizer({ modelPath: output })).tokenize(texts);
      expect(tokens.map(({ ids }) => [...ids])).toEqual(golden.texts.map(({ ids }) => ids));
    }
    expect(texts.length).toBeGreaterThanOrEqual(40);
  });
});

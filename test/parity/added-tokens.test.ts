/** Checkpoints without added_tokens_decoder: added_tokens.json and special_tokens_map.json, read as transformers reads them. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { loadTokenizer } from "../../src/index.ts";
import { modes, root } from "./goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-added-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const golden = JSON.parse(readFileSync(join(root, "test", "fixtures", "added-tokens.json"), "utf8"));
const texts: string[] = golden.texts;

interface Variant {
  readonly name: string;
  readonly config: object;
  readonly map: object;
  readonly added: object;
  readonly ids: Readonly<Record<string, readonly number[][]>>;
}

async function ggufOf({ name, config, map, added }: Variant): Promise<string> {
  const checkpoint = join(folder, name);
  cpSync(join(root, "test", "fixtures", "checkpoints", golden.checkpoint), checkpoint, { recursive: true });
  const own = JSON.parse(readFileSync(join(checkpoint, "tokenizer_config.json"), "utf8"));
  for (const field of ["added_tokens_decoder", "additional_special_tokens"]) delete own[field];
  const write = (file: string, value: object) => writeFileSync(join(checkpoint, file), JSON.stringify(value));
  write("tokenizer_config.json", { ...own, ...config });
  write("special_tokens_map.json", map);
  write("added_tokens.json", added);
  const output = join(folder, `${name}.gguf`);
  await convert({ checkpoint, output, type: "f16" });
  return output;
}

describe.each<Variant>(golden.variants)("where $name", (variant) => {
  const converted = ggufOf(variant);

  it.each(modes)("texts have the reference's ids in mode %s", async (tokenization) => {
    const tokenizer = await loadTokenizer({ modelPath: await converted, tokenization });
    let compared = 0;
    for (const [i, text] of texts.entries()) {
      const expected = variant.ids[tokenization]?.[i] as number[];
      // A text that begins with padding has no score.
      if (expected[0] === 0) continue;
      const [tokens] = await tokenizer.tokenize([{ text }]);
      expect([...(tokens?.ids ?? [])], JSON.stringify(text)).toEqual(expected);
      compared++;
    }
    expect(compared).toBeGreaterThan(80);
  });
});

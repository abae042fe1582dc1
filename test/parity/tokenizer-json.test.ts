/** Checkpoints whose tokenizer.model is missing: the reference's ids from tokenizer.json. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { type ChatMessage, isStarlingError, loadTokenizer, type ScoreItem } from "../../src/index.ts";
import { root } from "./goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-tokenizer-json-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  readonly text?: string;
  readonly messages?: readonly ChatMessage[];
  readonly ids: readonly number[];
  readonly score?: number;
}

it.each(["hf-gemma2", "hf-gemma2-scaled", "alpha7b-like"])(
  "%s without tokenizer.model has the reference's ids",
  async (name) => {
    const place = join(root, "test", "fixtures", "checkpoints", name);
    const checkpoint = mkdtempSync(join(folder, name));
    for (const file of readdirSync(place))
      if (file !== "tokenizer.model") copyFileSync(join(place, file), join(checkpoint, file));
    const output = join(folder, `${name}.gguf`);
    await convert({ checkpoint, output, type: "f32" });
    const golden: { texts: Row[]; conversations: Row[] } = JSON.parse(
      readFileSync(join(root, "test", "fixtures", "goldens", "relatives", `${name}.json`), "utf8"),
    );
    const rows = [...golden.texts, ...golden.conversations].filter(({ score }) => score !== undefined);
    expect(rows.length).toBeGreaterThan(70);
    const tokenizer = await loadTokenizer({ modelPath: output });
    const items = rows.map(
      ({ text, messages }): ScoreItem => (text === undefined ? { messages: messages ?? [] } : { text }),
    );
    for (const [i, outcome] of (await tokenizer.tokenizeEach(items)).entries()) {
      if (isStarlingError(outcome)) throw outcome;
      expect([...outcome.ids], JSON.stringify(items[i])).toEqual(rows[i]?.ids);
    }
  },
);

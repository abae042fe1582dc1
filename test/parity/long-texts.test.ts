/** Scores of long texts, up to where they are truncated, against the genuine reference: on one checkpoint in one mode. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { loadRewardModel } from "../../src/index.ts";
import { type Golden, isShort, readGoldens, textOf } from "./goldens.ts";
import { tolerance } from "./tolerance.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-long-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("have the reference's scores at f32", async () => {
  const golden = readGoldens().find(({ name }) => name === "gqa7-bf16") as Golden;
  const rows = golden.rows["fast-4.41"].filter((row) => row.score !== undefined && !isShort(row));
  const modelPath = join(folder, "f32.gguf");
  await convert({ checkpoint: golden.checkpoint, output: modelPath, type: "f32" });
  await using model = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  const results = await model.score(rows.map((row) => ({ text: textOf(row) })));
  for (const [i, row] of rows.entries())
    expect(Math.abs((results[i]?.score ?? NaN) - (row.score as number)), row.name).toBeLessThan(tolerance.f32.max);
  expect(rows.length).toBeGreaterThan(12);
  expect(rows.some(({ truncated }) => truncated)).toBe(true);
});

import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { fingerprint } from "../../cli/fingerprint.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-fingerprint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("tells large models apart that differ only in what their headers hold", async () => {
  const MEBIBYTE = 1024 ** 2;
  const path = join(folder, "large.gguf");
  writeFileSync(path, "");
  truncateSync(path, 300 * MEBIBYTE);
  const hash = async () =>
    (await fingerprint({ command: "score", options: {}, modelPath: path, head: undefined, inputs: [] }))["model"];
  const before = await hash();
  expect(await hash()).toBe(before);
  // After a tokenizer's pieces, where a block here and there would not look.
  const file = openSync(path, "r+");
  writeSync(file, "head", 3.5 * MEBIBYTE);
  closeSync(file);
  expect(await hash()).not.toBe(before);
});

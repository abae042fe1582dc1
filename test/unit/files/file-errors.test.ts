/** Why a file cannot be read, where the name is there and the file is not. */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readError } from "../../../src/files/file-errors.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-file-errors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function messageOf(name: string): Promise<string> {
  const path = join(folder, name);
  return readError(path, await readFile(path).catch((error: unknown) => error)).message.replace(folder, "…");
}

it("says where a link leads that leads nowhere", async () => {
  symlinkSync("../gone.jsonl", join(folder, "link.jsonl"));
  expect(await messageOf("link.jsonl")).toBe(
    `The file …${join("/", "link.jsonl")} cannot be read: it is a symbolic link to ../gone.jsonl, which does not exist.`,
  );
  expect(await messageOf("none.jsonl")).toMatch(/cannot be read: it does not exist\.$/);
});

it("does not say that a file is not there whose name is not text", async () => {
  // What Node makes of a byte in a name that is not UTF-8.
  expect(await messageOf("a\ufffd.jsonl")).toMatch(/cannot be read: its name is not valid UTF-8; rename it\.$/);
});

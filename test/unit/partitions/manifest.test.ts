import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isManifestName, manifestPath, readManifest } from "../../../src/partitions/manifest.ts";
import { manifestOf } from "./manifest-of.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-manifest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(content: string): string {
  const path = join(folder, "_a.jsonl.manifest");
  writeFileSync(path, content);
  return path;
}

describe("a manifest", () => {
  it("is read as it was written, with fields that later versions may add", async () => {
    const manifest = { ...manifestOf("a.jsonl"), later: [1, 2] };
    expect(await readManifest(written(JSON.stringify(manifest)))).toEqual(manifest);
  });

  it.each([
    ["not JSON", "{"],
    ["empty", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["of another schema", '{"format":1,"rows":3}'],
    ["without a hash", JSON.stringify({ ...manifestOf("a.jsonl"), output: { name: "a", bytes: 1, sha256: "no" } })],
    ["with a count below zero", JSON.stringify({ ...manifestOf("a.jsonl"), rows: -1 })],
    ["with settings that are no texts", JSON.stringify({ ...manifestOf("a.jsonl"), settings: { a: 1 } })],
    ["larger than any", `${JSON.stringify(manifestOf("a.jsonl"))}${" ".repeat(5 * 1024 * 1024)}`],
  ])("that is %s vouches for nothing", async (_, content) => {
    expect(await readManifest(written(content))).toBe("invalid");
  });

  it("of a newer version is known as one", async () => {
    expect(await readManifest(written('{"format":99}'))).toBe("newer");
  });

  it("is not waited for where a pipe or a folder has its name", async () => {
    expect(await readManifest(join(folder, "nothing"))).toBe("missing");
    mkdirSync(join(folder, "is-folder"));
    expect(await readManifest(join(folder, "is-folder"))).toBe("invalid");
    if (process.platform === "win32") return;
    execFileSync("mkfifo", [join(folder, "pipe")]);
    expect(await readManifest(join(folder, "pipe"))).toBe("invalid");
  });

  it("has a name beside its output, however long that is", () => {
    expect(manifestPath(join("out", "sub", "a.jsonl"))).toBe(join("out", "sub", "_a.jsonl.manifest"));
    const long = manifestPath(join("out", `${"é".repeat(120)}.jsonl`));
    expect(Buffer.byteLength(long)).toBeLessThan(255);
    expect(isManifestName("_a.jsonl.manifest")).toBe(true);
    expect(isManifestName("a.jsonl")).toBe(false);
  });
});

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ModelHashOptions, modelHash } from "../../../src/evaluation/model-hash.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-hash-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A file that changed a day ago. */
function oldFile(bytes: Uint8Array, name = "model.gguf"): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const yesterday = new Date(Date.now() - 86_400_000);
  utimesSync(path, yesterday, yesterday);
  return path;
}

async function hashAndReads(path: string, options: ModelHashOptions = {}): Promise<{ hash: string; reads: number }> {
  let reads = 0;
  const onProgress = () => {
    reads++;
  };
  return { hash: await modelHash(path, { cacheFolder: join(folder, "cache"), onProgress, ...options }), reads };
}

describe("the hash of a model", () => {
  it("is the file's SHA-256, read once", async () => {
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 17, "starling");
    const path = oldFile(bytes);
    expect(await hashAndReads(path)).toEqual({ hash: sha256(bytes), reads: 4 });
    expect(await hashAndReads(path)).toEqual({ hash: sha256(bytes), reads: 0 });
  });

  it("tells the bytes that are done", async () => {
    const path = oldFile(Buffer.alloc(1024 * 1024 + 5));
    const told: unknown[] = [];
    await hashAndReads(path, { onProgress: (progress) => told.push(progress) });
    const bytesTotal = 1024 * 1024 + 5;
    expect(told).toEqual([
      { bytesDone: 1024 * 1024, bytesTotal },
      { bytesDone: bytesTotal, bytesTotal },
    ]);
  });

  it("is taken again when the file changes without changing its size", async () => {
    const path = oldFile(Buffer.from("one"));
    await hashAndReads(path);
    const { mtime } = statSync(path);
    writeFileSync(path, "two");
    expect((await hashAndReads(path)).hash).toBe(sha256(Buffer.from("two")));
    // Also when someone puts its time back (later than the system's smallest step of time).
    await new Promise((resolve) => setTimeout(resolve, 30));
    utimesSync(path, mtime, mtime);
    expect((await hashAndReads(path)).hash).toBe(sha256(Buffer.from("two")));
  });

  it("is not remembered of a file that has just changed", async () => {
    const path = join(folder, "fresh.gguf");
    writeFileSync(path, "fresh");
    expect((await hashAndReads(path)).reads).toBe(1);
    expect((await hashAndReads(path)).reads).toBe(1);
  });

  it("does not believe a broken memory", async () => {
    const bytes = Buffer.from("content");
    const path = oldFile(bytes);
    await hashAndReads(path);
    const memory = join(folder, "cache", "model-hashes");
    const [name] = readdirSync(memory);
    for (const text of ["", "{", '{"sha256":"short"}', '{"sha256":7}', "null"]) {
      writeFileSync(join(memory, name as string), text);
      expect(await hashAndReads(path)).toEqual({ hash: sha256(bytes), reads: 1 });
    }
    expect(JSON.parse(readFileSync(join(memory, name as string), "utf8"))).toEqual({ sha256: sha256(bytes) });
  });

  it("works without a place to remember", async () => {
    const bytes = Buffer.from("content");
    const cacheFolder = oldFile(bytes, "a-file-where-a-folder-should-be");
    expect((await hashAndReads(oldFile(bytes), { cacheFolder })).hash).toBe(sha256(bytes));
  });

  it("can be stopped", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const hashing = hashAndReads(oldFile(Buffer.alloc(3 * 1024 * 1024)), {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(hashing).rejects.toBe(reason);
  });

  it("names a file that is missing", async () => {
    await expect(hashAndReads(join(folder, "none"))).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
  });

  it("is that of nothing for an empty file", async () => {
    expect((await hashAndReads(oldFile(Buffer.alloc(0)))).hash).toBe(sha256(Buffer.alloc(0)));
  });
});

import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readExactly } from "../../../src/files/byte-source.ts";
import { OpenedFile } from "../../../src/files/opened-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-opened-"));
  path = join(folder, "file");
  writeFileSync(path, "content");
  // Longer ago than the smallest step of any file system's time.
  utimesSync(path, 1_000_000_000, 1_000_000_000);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const changed = { code: "ERR_MODEL_CHANGED" };

describe("an open file", () => {
  it("is read by position, and says when it is closed", async () => {
    const file = await OpenedFile.open(path);
    expect(file.size).toBe(7);
    expect((await readExactly(file, 3, 4)).toString()).toBe("tent");
    await expect(readExactly(file, 3, 5)).rejects.toThrow(/ended after 7 of 7 bytes/);
    const reading = expect(readExactly(file, 0, 7)).rejects.toThrow(/has been closed/);
    await Promise.all([file.close(), reading]);
    await expect(readExactly(file, 0, 7)).rejects.toThrow(/has been closed/);
    await expect(file.assertUnchanged()).resolves.toBeUndefined();
    await file.close();
  });

  it("is not a folder, and is there", async () => {
    for (const wrong of [folder, join(folder, "none")])
      await expect(OpenedFile.open(wrong)).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE", file: wrong });
  });

  it("is seen to change by everybody who looks afterwards, whoever looked before", async () => {
    const file = await OpenedFile.open(path);
    await Promise.all([file.assertUnchanged(), file.assertUnchanged(), file.assertUnchanged()]);
    // This look may see either; one that is asked for later may not miss the change.
    const early = file.assertUnchanged().catch(() => {});
    writeFileSync(path, "CONTENT");
    await expect(file.assertUnchanged()).rejects.toMatchObject(changed);
    await early;
    await expect(file.assertUnchanged()).rejects.toMatchObject(changed);
    await file.close();
  });

  it("is seen to be replaced, but may be gone and come back", async () => {
    const file = await OpenedFile.open(path);
    renameSync(path, `${path}.away`);
    await file.assertUnchanged();
    writeFileSync(path, "content");
    await expect(file.assertUnchanged()).rejects.toMatchObject({ ...changed, file: path });
    renameSync(`${path}.away`, path);
    await file.assertUnchanged();
    expect((await readExactly(file, 0, 7)).toString()).toBe("content");
    await file.close();
  });

  it("is the one that was at its path, wherever the process goes", async () => {
    const before = process.cwd();
    const file = await OpenedFile.open(relative(before, path));
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    try {
      process.chdir(elsewhere);
      await file.assertUnchanged();
    } finally {
      process.chdir(before);
    }
    await file.close();
  });
});

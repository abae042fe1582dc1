/** A pointer of Git LFS in place of a file, whatever the file should be. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLocalFolder } from "../../../src/checkpoint/folder.ts";
import { openFile } from "../../../src/files/byte-source.ts";
import { OpenedFile } from "../../../src/files/opened-file.ts";
import { inspectModel } from "../../../src/inspect.ts";
import { emptyFolder } from "../hub/support.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";

it.each(["model.gguf", "head.gguf", "model.safetensors", "tokenizer.json", "pytorch_model.bin"])(
  "is named in place of %s",
  async (name) => {
    const folder = emptyFolder();
    const path = join(folder, name);
    writeFileSync(path, POINTER);
    const message = new RegExp(`${name} cannot be read: it is a Git LFS pointer.*git lfs pull`);
    await expect(openFile(path)).rejects.toThrow(message);
    await expect((await openLocalFolder(folder)).open(name)).rejects.toThrow(message);
    await expect(OpenedFile.open(path)).rejects.toThrow(message);
    if (name.endsWith(".gguf")) await expect(inspectModel({ modelPath: path })).rejects.toThrow(message);
  },
);

it("is not seen in a file that only begins like one", async () => {
  const path = join(emptyFolder(), "x.txt");
  for (const content of ["version https://git-lf", POINTER + " ".repeat(2000), ""]) {
    writeFileSync(path, content);
    const file = await openFile(path);
    expect(file.size).toBe(content.length);
    await file.close();
  }
});

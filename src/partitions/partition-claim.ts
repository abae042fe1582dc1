/** A partition that this process writes: its output, and then its manifest. */
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { notWritable, unwritable } from "../files/file-errors.ts";
import { type FileRecord, timeOf } from "../files/file-record.ts";
import { flushFolder } from "../files/flush.ts";
import { ifExists } from "../files/optional-files.ts";
import type { OutputFile } from "../files/output-file.ts";
import { TemporaryFile } from "../files/temporary-file.ts";
import { removeFile } from "../files/windows.ts";
import type { Manifest } from "./manifest.ts";

export class PartitionClaim {
  readonly #file: OutputFile;
  readonly #manifest: string;

  constructor(file: OutputFile, manifest: string) {
    this.#file = file;
    this.#manifest = manifest;
  }

  /** A temporary file in the output's folder. */
  create(): Promise<TemporaryFile> {
    return this.#file.create();
  }

  /**
   * Puts the output in its place, and then its manifest. The manifest of an earlier output is gone before, so that at no time one
   * vouches for bytes that it does not know.
   *
   * @param manifest given the output's record
   * @throws FileError ERR_FILE_NOT_WRITABLE, also when another process took the partition over
   */
  async publish(file: TemporaryFile, sha256: string, manifest: (output: FileRecord) => Manifest): Promise<void> {
    const { path, name } = this.#file.target;
    await removeManifest(this.#manifest);
    const bytes = await this.#file.publish(file);
    const stats = await lstat(path, { bigint: true });
    const text = `${JSON.stringify(manifest({ bytes, sha256, modified: timeOf(stats) }), undefined, 2)}\n`;
    const beside = await TemporaryFile.create(this.#manifest);
    try {
      await beside.write(Buffer.from(text), 0);
      // A process that was stopped for long may have put its output beside the manifest of another one.
      if (await this.#file.wasTaken()) throw unwritable(name, "another process took the partition over");
      await beside.publish(true);
    } finally {
      await beside.discard();
    }
  }

  /** Whether another process took it over after this one was silent for too long. */
  wasTaken(): Promise<boolean> {
    return this.#file.wasTaken();
  }

  /** Never throws. */
  release(): Promise<void> {
    return this.#file.release();
  }
}

/** @throws FileError ERR_FILE_NOT_WRITABLE */
async function removeManifest(path: string): Promise<void> {
  try {
    if ((await ifExists(lstat(path))) === undefined) return;
    await removeFile(path);
    await flushFolder(dirname(path));
  } catch (error) {
    throw notWritable(path, error);
  }
}

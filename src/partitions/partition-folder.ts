/** A folder of outputs, one for each partition, each with its manifest. */
import type { BigIntStats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import { notWritable, unwritable } from "../files/file-errors.ts";
import { LockHeld, type LockHolder } from "../files/file-lock.ts";
import { type FileRecord, isSameContent, recordFile, timeOf } from "../files/file-record.ts";
import { flushFolder } from "../files/flush.ts";
import { makeFolder } from "../files/make-folder.ts";
import { ifExists } from "../files/optional-files.ts";
import { OutputFile, removeLeftovers, withOutput } from "../files/output-file.ts";
import { codeOf } from "../files/system-errors.ts";
import { besideTarget } from "../files/target.ts";
import { TemporaryFile } from "../files/temporary-file.ts";
import { removeFile } from "../files/windows.ts";
import type { Partition } from "./find-partitions.ts";
import { isRun, type Manifest, manifestPath, type PartitionRun, readManifest, readSmallJson } from "./manifest.ts";

/** What the folder is for; its presence makes a folder one of partitions. */
export const RUN_FILE = "_PARTITIONS";

/** A partition and its output. */
export interface PlacedPartition extends Partition {
  /** Name of the output below the folder, with "/" between folders. */
  readonly output: string;
}

/**
 * - `missing`: there is no output
 * - `torn`: there is one, but no manifest that vouches for all of its bytes
 * - `whole`
 * - `changed`: whole, but of another version of the input
 * - `newer`: the manifest is of a version of starling-rm that this one does not know
 */
export type PartitionState =
  | { readonly status: "missing" }
  | { readonly status: "torn" | "newer"; readonly reason: string }
  | { readonly status: "whole" | "changed"; readonly manifest: Manifest };

export interface StateOptions {
  /** Read every output and compare its hash; default: only where its time is not the one in the manifest. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class PartitionFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  outputPath({ output }: Pick<PlacedPartition, "output">): string {
    return join(this.path, output);
  }

  /** @throws FileError ERR_FILE_NOT_READABLE where a file that is there cannot be read; the signal's reason */
  async stateOf(partition: PlacedPartition, { verify = false, signal }: StateOptions = {}): Promise<PartitionState> {
    const path = this.outputPath(partition);
    const stats = await ifThere(path);
    if (stats === undefined) return { status: "missing" };
    const manifest = await readManifest(manifestPath(path));
    if (manifest === "newer")
      return { status: "newer", reason: "its manifest was written by a newer version of starling-rm" };
    const torn = (reason: string): PartitionState => ({ status: "torn", reason });
    if (manifest === "missing") return torn("it has no manifest");
    if (manifest === "invalid" || manifest.partition !== partition.name)
      return torn("its manifest is not one of this partition");
    const { output, input } = manifest;
    if (Number(stats.size) !== output.bytes)
      return torn(`it has ${stats.size} bytes, and its manifest says ${output.bytes}`);
    if (!(verify ? await hasHash(path, output, signal) : await isSameContent(path, output, signal)))
      return torn("its content is not what its manifest says");
    const isSame = await isSameContent(partition.path, input, signal);
    return { status: isSame ? "whole" : "changed", manifest };
  }

  /**
   * Keeps other processes from the partition until the claim is released. Leftovers of processes that died are removed.
   *
   * @returns who holds it, where another process does
   * @throws FileError ERR_FILE_NOT_WRITABLE; the signal's reason
   */
  async claim(partition: PlacedPartition, signal?: AbortSignal): Promise<PartitionClaim | Partial<LockHolder>> {
    const path = this.outputPath(partition);
    makeFolderFor(path);
    const file = await OutputFile.tryClaim(path, { overwrite: true, signal });
    if (file instanceof LockHeld) return file.holder;
    const manifest = manifestPath(file.target.path);
    await removeLeftovers({ name: manifest, path: manifest, there: undefined });
    return new PartitionClaim(file, manifest);
  }

  /** Whether something in the folder says that the partition is being written, or was by a process that died. */
  async hasTraces(partition: PlacedPartition): Promise<boolean> {
    const path = this.outputPath(partition);
    const names = await readdir(dirname(path)).catch(() => []);
    const prefixes = [path, manifestPath(path)].map((one) => basename(besideTarget(one, ".")));
    return names.some((name) => prefixes.some((prefix) => name.startsWith(prefix)));
  }

  /** Whether a process holds it, as far as the file of its lock says. */
  async seemsHeld(partition: PlacedPartition): Promise<boolean> {
    return (await ifThere(besideTarget(this.outputPath(partition), ".lock"))) !== undefined;
  }

  /** What the folder is for; undefined where it does not say; null where that cannot be read. */
  async run(): Promise<PartitionRun | null | undefined> {
    const value = await readSmallJson(join(this.path, RUN_FILE));
    return value === undefined || isRun(value) ? value : null;
  }

  /** An output that no manifest knows. */
  async firstForeign(partitions: readonly PlacedPartition[]): Promise<string | undefined> {
    for (const partition of partitions) {
      const path = this.outputPath(partition);
      if ((await ifThere(path)) !== undefined && (await readManifest(manifestPath(path))) === "missing") return path;
    }
    return undefined;
  }

  /**
   * Makes the folder and says what it is for.
   *
   * @param replace whether to change what it says already
   * @returns what it says then
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  async begin(run: PartitionRun, replace: boolean): Promise<PartitionRun | null> {
    const path = join(this.path, RUN_FILE);
    makeFolderFor(path);
    return withOutput(path, { overwrite: true, wait: true }, async (output) => {
      const found = await this.run();
      if (found !== undefined && !replace) return found;
      const file = await output.create();
      try {
        await file.write(Buffer.from(`${JSON.stringify(run, undefined, 2)}\n`), 0);
        await output.publish(file);
      } finally {
        await file.discard();
      }
      return run;
    });
  }
}

/** A partition that this process writes. */
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

async function ifThere(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

async function hasHash(path: string, { sha256 }: FileRecord, signal?: AbortSignal): Promise<boolean> {
  return (await recordFile(path, signal)).sha256 === sha256;
}

/** @throws FileError ERR_FILE_NOT_WRITABLE */
function makeFolderFor(path: string): void {
  const folder = dirname(path);
  try {
    makeFolder(folder);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw notWritable(path, cause);
    const message = `Cannot create the folder ${folder}: its path contains something that is not a folder.`;
    throw new FileError("ERR_FILE_NOT_WRITABLE", message, { file: folder, cause });
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

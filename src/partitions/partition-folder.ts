/** A folder of outputs, one for each partition, each with its manifest. */
import type { BigIntStats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { FileError } from "../errors.ts";
import { readError, unwritable } from "../files/file-errors.ts";
import { LockHeld, type LockHolder } from "../files/file-lock.ts";
import { type FileRecord, isSameContent, recordFile } from "../files/file-record.ts";
import { makeOutputFolder } from "../files/make-folder.ts";
import { lockPath, OutputFile, removeLeftovers, removeTraces, withOutput } from "../files/output-file.ts";
import { isMissing } from "../files/system-errors.ts";
import { besideTarget } from "../files/target.ts";
import type { Partition } from "./find-partitions.ts";
import {
  isManifestName,
  isRun,
  type Manifest,
  manifestPath,
  type PartitionRun,
  readManifest,
  readSmallJson,
} from "./manifest.ts";
import { PartitionClaim } from "./partition-claim.ts";

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

  /** @throws FileError ERR_FILE_NOT_READABLE where something else has its name, or the system does not say */
  async isThere(): Promise<boolean> {
    const stats = await stat(this.path).catch((cause: unknown) => {
      if (isMissing(cause)) return undefined;
      throw readError(this.path, cause);
    });
    if (stats?.isDirectory() === false)
      throw new FileError("ERR_FILE_NOT_READABLE", `${this.path} is not a folder.`, { file: this.path });
    return stats !== undefined;
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
    const isSame = partition.path === "" || (await isSameContent(partition.path, input, signal));
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
    makeOutputFolder(dirname(path), path);
    // Its manifest and its temporary files would go to another folder.
    if ((await lstat(path).catch(() => undefined))?.isSymbolicLink())
      throw unwritable(path, "it is a symbolic link; remove it, and the output takes its place");
    const file = await OutputFile.tryClaim(path, { overwrite: true, signal });
    if (file instanceof LockHeld) return file.holder;
    const manifest = manifestPath(file.target.path);
    await removeLeftovers({ name: manifest, path: manifest, there: undefined });
    return new PartitionClaim(file, manifest);
  }

  /** Which partitions are being written, or were by a process that died: they have locks or temporary files. */
  async traces(): Promise<(partition: PlacedPartition) => boolean> {
    const hidden = (await this.#names()).filter((name) => name.slice(name.lastIndexOf("/") + 1).startsWith("."));
    return (partition) => {
      const path = this.outputPath(partition);
      const prefixes = [path, manifestPath(path)].map((one) => relative(this.path, besideTarget(one, ".")));
      return hidden.some((name) => prefixes.some((prefix) => name.startsWith(prefix.split(sep).join("/"))));
    };
  }

  /** Removes what a process that died left while it wrote what the folder is for. Never throws. */
  removeTracesOfRun(): Promise<void> {
    return removeTraces(join(this.path, RUN_FILE));
  }

  /** All files below the folder, with "/" between folders. */
  async #names(): Promise<readonly string[]> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw readError(this.path, error);
    });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) =>
        relative(this.path, join(entry.parentPath ?? entry.path, entry.name))
          .split(sep)
          .join("/"),
      )
      .sort();
  }

  /** Partitions by the manifests that are there. Their inputs are not known: `path` is "". */
  async written(): Promise<readonly PlacedPartition[]> {
    const found: PlacedPartition[] = [];
    for (const name of await this.#names()) {
      if (!isManifestName(basename(name))) continue;
      const manifest = await readManifest(join(this.path, name));
      if (typeof manifest === "string") continue;
      const { partition, input, output } = manifest;
      found.push({ name: partition, file: input.name, path: "", bytes: input.bytes, output: output.name });
    }
    return found;
  }

  /**
   * Files that are neither outputs nor ours. Hidden ones are locks and temporary files, of which the next run removes what is left.
   *
   * @param inputs that may be in the folder
   */
  async foreign(partitions: readonly PlacedPartition[], inputs: readonly string[]): Promise<readonly string[]> {
    const known = new Set([RUN_FILE]);
    for (const { output } of partitions) {
      known.add(output);
      known.add(
        relative(this.path, manifestPath(this.outputPath({ output })))
          .split(sep)
          .join("/"),
      );
    }
    const read = new Set(inputs.map((path) => resolve(path)));
    return (await this.#names()).filter(
      (name) => !known.has(name) && !/(?:^|\/)\./.test(name) && !read.has(resolve(this.path, name)),
    );
  }

  /** Whether a process holds it, as far as the file of its lock says. */
  async seemsHeld(partition: PlacedPartition): Promise<boolean> {
    return (await ifThere(lockPath({ path: this.outputPath(partition) }))) !== undefined;
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
    makeOutputFolder(dirname(path), path);
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

async function ifThere(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

async function hasHash(path: string, { sha256 }: FileRecord, signal?: AbortSignal): Promise<boolean> {
  return (await recordFile(path, signal)).sha256 === sha256;
}

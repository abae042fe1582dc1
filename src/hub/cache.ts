/**
 * The cache of huggingface_hub: each finds what the other downloaded. Data sets are in datasets--OWNER--NAME:
 *
 *     models--OWNER--NAME/refs/main                    the commit that main was
 *                        /blobs/<hash>                 a whole file, by its content
 *                        /blobs/<hash>.incomplete      a part of one
 *                        /snapshots/<commit>/<file>    a relative link to its blob; a copy where links are not allowed
 */
import { randomBytes } from "node:crypto";
import { copyFile, open, readdir, readFile, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { FileLock, type LockOptions } from "../files/file-lock.ts";
import { flush, flushFolder } from "../files/flush.ts";
import { makeFolder } from "../files/make-folder.ts";
import { hasNoLinks } from "../files/system-errors.ts";
import { moveFile } from "../files/windows.ts";
import { isCommit, type Repository } from "./address.ts";
import { cannotWrite } from "./cache-errors.ts";
import type { HubFile } from "./listing.ts";

export type MakeLink = (target: string, path: string) => Promise<void>;

/** One repository's part of the cache. */
export class HubCache {
  readonly folder: string;
  readonly #locks: string;
  readonly #link: MakeLink;

  /** @param link replaced in tests to simulate Windows, where links need a privilege */
  constructor(
    cacheFolder: string,
    { id, kind = "model" }: Pick<Repository, "id" | "kind">,
    link: MakeLink = (target, path) => symlink(target, path),
  ) {
    const name = `${kind}s--${id.replace("/", "--")}`;
    this.folder = join(cacheFolder, name);
    this.#locks = join(cacheFolder, ".locks", name);
    this.#link = link;
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  snapshotFile(commit: string, { path }: Pick<HubFile, "path">): string {
    return join(this.snapshot(commit), ...path.split("/"));
  }

  /** Paths of the files that a snapshot has; none where it is not there. */
  async filesOf(commit: string): Promise<string[]> {
    const folder = this.snapshot(commit);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => !entry.isDirectory() && !entry.name.endsWith(".incomplete"))
      .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll(sep, "/"));
  }

  blob({ hash }: Pick<HubFile, "hash">): string {
    return join(this.folder, "blobs", hash.hex);
  }

  incomplete(file: Pick<HubFile, "hash">): string {
    return `${this.blob(file)}.incomplete`;
  }

  /** Held while a file is downloaded. huggingface_hub locks another file, and downloads to a name of its own. */
  async lock({ hash }: Pick<HubFile, "hash">, options: LockOptions): Promise<FileLock> {
    const path = join(this.#locks, `${hash.hex}.starling-rm.lock`);
    try {
      makeFolder(dirname(path));
      return await FileLock.acquire(path, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw cannotWrite(path, error);
    }
  }

  /** The path of a complete file in the snapshot; links an existing blob. Undefined: it must be downloaded. */
  async find(commit: string, file: HubFile): Promise<string | undefined> {
    const path = this.snapshotFile(commit, file);
    if (await isWhole(path, file.size)) return path;
    if (!(await isWhole(this.blob(file), file.size))) return undefined;
    await this.#place(commit, file, false);
    return path;
  }

  /** Bytes of it from earlier downloads. */
  async partSize(file: HubFile): Promise<number> {
    return Math.min(file.size, (await sizeOf(this.incomplete(file))) ?? 0);
  }

  async prepare(): Promise<void> {
    const blobs = join(this.folder, "blobs");
    try {
      makeFolder(blobs);
    } catch (error) {
      throw cannotWrite(blobs, error);
    }
  }

  /** Gives the verified download its names; from then on it counts as complete. */
  async publish(commit: string, file: HubFile): Promise<string> {
    try {
      await moveFile(this.incomplete(file), this.blob(file));
      await flushFolder(dirname(this.blob(file)));
    } catch (error) {
      throw cannotWrite(this.blob(file), error);
    }
    await this.#place(commit, file, true);
    return this.snapshotFile(commit, file);
  }

  /** @returns the commit that a revision was when it was pulled last */
  async readRef(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.#ref(revision), "utf8").catch(() => undefined);
    return text !== undefined && isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Written last: offline, a reference shows that something was pulled. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.readRef(revision)) === commit) return;
    const path = this.#ref(revision);
    try {
      makeFolder(dirname(path));
      const temporary = temporaryName(path);
      await writeFile(temporary, commit, { flag: "wx" });
      await moveFile(temporary, path);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }

  #ref(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }

  /** @param isNew no other snapshot has the blob: it can be moved where it cannot be linked */
  async #place(commit: string, file: HubFile, isNew: boolean): Promise<void> {
    const path = this.snapshotFile(commit, file);
    const blob = this.blob(file);
    try {
      makeFolder(dirname(path));
      const temporary = temporaryName(path);
      try {
        await this.#link(relative(dirname(path), blob), temporary);
      } catch (error) {
        if (!hasNoLinks(error)) throw error;
        if (isNew) await moveFile(blob, temporary);
        else await copyWhole(blob, temporary);
      }
      // A rename replaces a link that leads nowhere, and is seen by others as a whole.
      await moveFile(temporary, path);
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }
}

/** Follows links: a dangling link counts as absent. */
async function isWhole(path: string, size: number): Promise<boolean> {
  return (await sizeOf(path)) === size;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (stats) => (stats.isFile() ? stats.size : undefined),
    () => undefined,
  );
}

/** Beside the final name, for an atomic rename; leftovers of a killed process are not taken for a checkpoint. */
function temporaryName(path: string): string {
  return `${path}.${randomBytes(4).toString("hex")}.incomplete`;
}

async function copyWhole(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
    const handle = await open(to, "r+");
    await flush(handle).finally(() => handle.close());
  } catch (error) {
    await unlink(to).catch(() => {});
    throw error;
  }
}

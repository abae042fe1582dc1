/** A folder of files that appears when all of them are complete, or not at all. */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { removeAtExit } from "./at-exit.ts";
import type { FileLock } from "./file-lock.ts";
import { flush, flushFolder } from "./flush.ts";
import { makeFolder } from "./make-folder.ts";
import { ifExists } from "./optional-files.ts";
import { lockTarget } from "./output-file.ts";
import { codeOf, systemReason } from "./system-errors.ts";
import { besideTarget } from "./target.ts";
import { moveFile } from "./windows.ts";
import { writeAll } from "./write-all.ts";

export interface FolderRules {
  /** Whether files of an earlier run may be replaced. */
  readonly overwrite: boolean;
  /** Whether a file there was made by such a run. */
  readonly isOurs: (name: string) => boolean;
  /** Whether a file there must not be mixed with ours. */
  readonly isForeign: (name: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

const ID_BYTES = 6;
const STAGING = ".partial";
const STAGING_SUFFIX = new RegExp(`^\\.[0-9a-f]{${2 * ID_BYTES}}\\${STAGING}$`);
/** Stands for the folder's content in the names of what is hidden in it. */
const CONTENT = "parts";

/** One file of the folder while it is written. */
export class FolderFile {
  readonly #handle: FileHandle;
  readonly #folder: string;
  #size = 0;

  constructor(handle: FileHandle, folder: string) {
    this.#handle = handle;
    this.#folder = folder;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws FileError ERR_FILE_NOT_WRITABLE, for example when the disk is full */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#handle, bytes, this.#size);
    } catch (error) {
      throw failed(this.#folder, error);
    }
    this.#size += bytes.length;
  }

  /** Waits until it is on the disk. */
  async close(): Promise<void> {
    try {
      await flush(this.#handle);
    } catch (error) {
      throw failed(this.#folder, error);
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes it without waiting for the disk. Never throws. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }
}

/**
 * Files are written into a hidden folder. A new folder is that one, renamed: it appears with all its files. Into a folder that is
 * there, they are moved one after another once all are complete.
 */
export class OutputFolder {
  readonly name: string;
  readonly #path: string;
  readonly #rules: FolderRules;
  readonly #lock: FileLock;
  readonly #isNew: boolean;
  readonly #staging: string;
  readonly #files: { readonly path: string; readonly forget: () => void }[] = [];

  private constructor(name: string, path: string, rules: FolderRules, lock: FileLock, isNew: boolean) {
    this.name = name;
    this.#path = path;
    this.#rules = rules;
    this.#lock = lock;
    this.#isNew = isNew;
    this.#staging = besideTarget(content(path, isNew), `.${randomBytes(ID_BYTES).toString("hex")}${STAGING}`);
  }

  /**
   * Fails before any work if the files could not be written afterwards, and keeps other processes from the folder until it is
   * released. What processes that were killed left is removed.
   *
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  static async claim(name: string, rules: FolderRules): Promise<OutputFolder> {
    rules.signal?.throwIfAborted();
    const path = resolve(name);
    try {
      const there = await ifExists(stat(path));
      const isNew = there === undefined;
      if (there?.isDirectory() === false) throw notWritable(name, "it is not a folder");
      if (isNew) makeFolder(dirname(path));
      const lock = await lockTarget({ name, path: content(path, isNew), there: undefined }, false, rules.signal);
      const folder = new OutputFolder(name, path, rules, lock, isNew);
      try {
        if (!isNew) await refuseOthers(name, path, rules);
        await removeLeftovers(content(path, isNew));
        await mkdir(folder.#staging);
        return folder;
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      throw failed(name, error);
    }
  }

  /** The next file; it gets its name when the folder is published. */
  async create(): Promise<FolderFile> {
    const path = join(this.#staging, String(this.#files.length));
    try {
      const handle = await open(path, "wx");
      this.#files.push({ path, forget: removeAtExit(path) });
      return new FolderFile(handle, this.name);
    } catch (error) {
      throw failed(this.name, error);
    }
  }

  /**
   * Gives all files their names, in the order in which they were created.
   *
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  async publish(names: readonly string[]): Promise<void> {
    if (await this.#lock.wasTaken())
      throw notWritable(this.name, `its lock ${this.#lock.path} was taken by another program; start again`);
    try {
      for (const [i, { path, forget }] of this.#files.entries()) {
        await moveFile(path, join(this.#staging, names[i] as string));
        forget();
      }
      await flushFolder(this.#staging);
      if (this.#isNew) await rename(this.#staging, this.#path);
      else await this.#moveInto(names);
      await flushFolder(this.#isNew ? dirname(this.#path) : this.#path);
    } catch (error) {
      throw failed(this.name, error);
    }
  }

  async #moveInto(names: readonly string[]): Promise<void> {
    const { isOurs } = this.#rules;
    for (const entry of await readdir(this.#path)) if (isOurs(entry)) await unlink(join(this.#path, entry));
    for (const each of names) await moveFile(join(this.#staging, each), join(this.#path, each));
  }

  /** Removes what was not published, and releases the folder to other processes. Never throws. */
  async release(): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true }).catch(() => {});
    for (const { forget } of this.#files) forget();
    await this.#lock.release();
  }
}

/** What names of hidden files are made of: beside a new folder, and in one that is there, whose parent may be closed to us. */
function content(path: string, isNew: boolean): string {
  return isNew ? path : join(path, CONTENT);
}

async function refuseOthers(name: string, path: string, { overwrite, isOurs, isForeign }: FolderRules): Promise<void> {
  const entries = (await readdir(path)).sort();
  const ours = entries.find(isOurs);
  if (ours !== undefined && !overwrite)
    throw notWritable(name, `it already has parts, such as ${ours}; --force replaces them`);
  const foreign = entries.find((entry) => !isOurs(entry) && isForeign(entry));
  if (foreign !== undefined && !overwrite)
    throw notWritable(
      name,
      `it has other files of rows, such as ${foreign}; choose another folder, or --force keeps them`,
    );
}

/** We hold the lock, so partial folders belong to processes that died. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = basename(besideTarget(path, ""));
  for (const entry of await readdir(dirname(path)))
    if (entry.startsWith(prefix) && STAGING_SUFFIX.test(entry.slice(prefix.length)))
      await rm(join(dirname(path), entry), { recursive: true, force: true });
}

function notWritable(name: string, reason: string, cause?: unknown): FileError {
  const message = `The folder ${name} cannot be written: ${reason}.`;
  return new FileError("ERR_FILE_NOT_WRITABLE", message, { file: name, cause });
}

/** An error of the system becomes a sentence; others stay as they are. */
function failed(name: string, error: unknown): unknown {
  return codeOf(error) === undefined || error instanceof FileError
    ? error
    : notWritable(name, systemReason(error), error);
}

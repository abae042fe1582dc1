import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import { access, constants, type FileHandle, link, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { codeOf } from "./byte-source.ts";

/**
 * A file that appears under its own name only when it is whole: it is written under a temporary name in the same
 * folder, flushed to the disk, and renamed.
 */
export class TemporaryFile {
  /** The temporary name, in the folder of the final one. */
  readonly path: string;
  readonly #target: string;
  #handle: FileHandle | undefined;

  private constructor(path: string, target: string, handle: FileHandle, keptAtExit = false) {
    this.path = path;
    this.#target = target;
    this.#handle = handle;
    if (!keptAtExit) rememberForExit(path);
  }

  /** @throws FileError ERR_FILE_NOT_WRITABLE when the folder does not exist or is closed to this user */
  static async create(target: string): Promise<TemporaryFile> {
    const absolute = resolve(target);
    const name = `.${basename(absolute)}.${randomBytes(6).toString("hex")}.partial`;
    const path = join(dirname(absolute), name);
    try {
      return new TemporaryFile(path, absolute, await open(path, "wx"));
    } catch (error) {
      throw notWritable(target, error);
    }
  }

  /**
   * Opens the file under a name that every run for this target finds again, with what an earlier one left in it.
   *
   * @param keptAtExit whether it stays when the process ends early
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  static async reopen(target: string, keptAtExit: boolean): Promise<TemporaryFile> {
    const absolute = resolve(target);
    const path = partialPath(absolute);
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
      return new TemporaryFile(path, absolute, handle, keptAtExit);
    } catch (error) {
      throw notWritable(target, error);
    }
  }

  /** Gives the file this many bytes: new ones are zeros, and take no room where the file system knows holes. */
  async resize(bytes: number): Promise<void> {
    await this.#change((handle) => handle.truncate(bytes));
  }

  /** Waits until everything that was written is on the disk. */
  async flush(): Promise<void> {
    await this.#change((handle) => handle.datasync());
  }

  /** Fills `target` with the bytes from `position` on. */
  async read(position: number, target: Uint8Array): Promise<void> {
    await this.#change(async (handle) => {
      let done = 0;
      while (done < target.length) {
        const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
        if (bytesRead === 0) throw new Error(`it ends after ${position + done} bytes`);
        done += bytesRead;
      }
    });
  }

  /** @throws FileError ERR_FILE_NOT_WRITABLE, for example when the disk is full */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#change(async (handle) => {
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    });
  }

  async #change(action: (handle: FileHandle) => Promise<void>): Promise<void> {
    if (this.#handle === undefined) throw new RangeError("The temporary file is closed.");
    try {
      await action(this.#handle);
    } catch (error) {
      throw notWritable(this.#target, error);
    }
  }

  /** Flushes and closes the file, which stays under its temporary name: another program may go on with it. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) return;
    try {
      await handle.sync();
    } catch (error) {
      throw notWritable(this.#target, error);
    } finally {
      await handle.close();
    }
  }

  /**
   * Gives the file its final name and returns its size in bytes.
   *
   * @param overwrite false: a file that appeared there in the meantime is kept, and this one refused
   */
  async publish(overwrite: boolean): Promise<number> {
    await this.close();
    await flushByPath(this.path, this.#target);
    try {
      const { size } = await stat(this.path);
      if (overwrite) await rename(this.path, this.#target);
      else await this.#renameToNew();
      forgetForExit(this.path);
      await flushFolder(dirname(this.#target));
      return size;
    } catch (error) {
      throw notWritable(this.#target, error);
    }
  }

  /** Closes and removes the temporary file; does nothing when it was published or removed. Never throws. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => {});
    await unlink(this.path).catch(() => {});
    forgetForExit(this.path);
  }

  /** A link fails when the name is taken, a rename does not; not every file system has links. */
  async #renameToNew(): Promise<void> {
    try {
      await link(this.path, this.#target);
      await unlink(this.path);
    } catch (error) {
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(codeOf(error) ?? "")) throw error;
      if (await isThere(this.#target)) throw Object.assign(new Error("exists"), { code: "EEXIST" });
      await rename(this.path, this.#target);
    }
  }
}

/**
 * Writes a text file whole or not at all; one of that name is replaced.
 *
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  await checkOutput(path, true);
  const file = await TemporaryFile.create(path);
  try {
    await file.write(Buffer.from(text), 0);
    await file.publish(true);
  } finally {
    await file.discard();
  }
}

/** What an unfinished file is called while it grows. */
export function partialPath(target: string): string {
  const absolute = resolve(target);
  return join(dirname(absolute), `.${basename(absolute)}.partial`);
}

/**
 * Finds before any work that a file could not be written after it.
 *
 * @throws FileError ERR_FILE_NOT_WRITABLE when something is there and must not be replaced, or is a folder; when the folder is
 *   not there, or closed to this user
 */
export async function checkOutput(path: string, overwrite: boolean): Promise<void> {
  try {
    const there = await ifThere(stat(path));
    if (there?.isFile() === false) throw unwritable(path, "something is there that is not a regular file");
    if (there !== undefined && !overwrite) throw Object.assign(new Error("exists"), { code: "EEXIST" });
    await access(dirname(resolve(path)), constants.W_OK);
  } catch (error) {
    throw notWritable(path, error);
  }
}

async function ifThere<Value>(looking: Promise<Value>): Promise<Value | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Another program may have written the file after it was closed here. */
async function flushByPath(path: string, target: string): Promise<void> {
  try {
    const handle = await open(path, "r+");
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    throw notWritable(target, error);
  }
}

/** Windows cannot open folders; there the rename itself is all there is. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

const pending = new Set<string>();
let listening = false;

/** Deletes a file when the process ends, unless it is forgotten before. */
export function rememberForExit(path: string): void {
  pending.add(path);
  if (listening) return;
  listening = true;
  // Also a process that ends by process.exit or an uncaught error leaves nothing behind.
  process.on("exit", () => {
    for (const file of pending) {
      try {
        unlinkSync(file);
      } catch {}
    }
  });
}

export function forgetForExit(path: string): void {
  pending.delete(path);
}

export function notWritable(file: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  return unwritable(file, reasonOf(cause, file), cause);
}

function unwritable(file: string, reason: string, cause?: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `The file ${file} cannot be written: ${reason}.`, { file, cause });
}

function reasonOf(error: unknown, file: string): string {
  switch (codeOf(error)) {
    case "EEXIST":
      return "it exists already, and overwriting was not asked for";
    case "ENOENT":
    case "ENOTDIR":
      return `the folder ${dirname(resolve(file))} does not exist`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "its folder is closed to this user";
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

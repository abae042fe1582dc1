import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { removeAtExit } from "./at-exit.ts";
import { notWritable, unwritable } from "./file-errors.ts";
import { flush, flushData, flushFolder } from "./flush.ts";
import { isOpenFile } from "./same-file.ts";
import { hasNoLinks } from "./system-errors.ts";
import { besideTarget, findTarget, type Target } from "./target.ts";
import { moveFile } from "./windows.ts";
import { writeAll } from "./write-all.ts";

/** Undefined on Windows, where links are rare and need a privilege. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const PERMISSIONS = 0o777;
/** What its writers need, whatever the file that it replaces allows. */
const OWN_ACCESS = 0o600;
const NEW_FILE = 0o666;

/**
 * A file that appears under its own name only when it is complete: it is written under a temporary name in the same
 * folder, flushed to the disk, and renamed. It is made exclusively, and what is published is this very file.
 */
export class TemporaryFile {
  /** The temporary name, in the folder of the final one. */
  readonly path: string;
  readonly #target: Target;
  #handle: FileHandle | undefined;
  readonly #forget: () => void;

  private constructor(path: string, target: Target, handle: FileHandle, keptAtExit: boolean) {
    this.path = path;
    this.#target = target;
    this.#handle = handle;
    this.#forget = keptAtExit ? () => {} : removeAtExit(path);
  }

  /**
   * @param target where it is to go; the name of an existing file means that file, to be replaced
   * @throws FileError ERR_FILE_NOT_WRITABLE when the folder does not exist or is closed to this user
   */
  static async create(target: string | Target): Promise<TemporaryFile> {
    const found = typeof target === "string" ? await findTarget(target, true) : target;
    const path = besideTarget(found.path, `.${randomBytes(PARTIAL_ID_BYTES).toString("hex")}${PARTIAL}`);
    return TemporaryFile.#open(path, found, constants.O_CREAT | constants.O_EXCL, false);
  }

  /**
   * Opens the file under a name that every run for this target finds again. The target's lock must be held.
   *
   * @param resume whether it is opened with what an earlier run left in it, and stays when the process ends early
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  static async reopen(target: Target, resume: boolean): Promise<TemporaryFile> {
    const path = partialPath(target.path);
    try {
      const found = await lstat(path).catch(() => undefined);
      // Through a link, or a file with another name, we would write to something else.
      if (resume && found?.isFile() && found.nlink === 1) return await TemporaryFile.#open(path, target, 0, true);
      if (found !== undefined) await unlink(path);
    } catch (error) {
      throw notWritable(target.name, error);
    }
    return TemporaryFile.#open(path, target, constants.O_CREAT | constants.O_EXCL, resume);
  }

  static async #open(path: string, target: Target, how: number, keptAtExit: boolean): Promise<TemporaryFile> {
    // A file that will replace a private one is as private while it grows.
    const mode = target.there === undefined ? NEW_FILE : (target.there.mode & PERMISSIONS) | OWN_ACCESS;
    try {
      const handle = await open(path, constants.O_RDWR | NO_FOLLOW | how, mode);
      return new TemporaryFile(path, target, handle, keptAtExit);
    } catch (error) {
      throw notWritable(target.name, error);
    }
  }

  /** Gives the file this many bytes: new ones are zeros, and take no room where the file system knows holes. */
  async resize(bytes: number): Promise<void> {
    await this.#change((handle) => handle.truncate(bytes));
  }

  /** Waits until everything that was written is on disk. */
  async flush(): Promise<void> {
    await this.#change((handle) => flushData(handle));
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
    await this.#change((handle) => writeAll(handle, bytes, position));
  }

  async #change(action: (handle: FileHandle) => Promise<void>): Promise<void> {
    if (this.#handle === undefined) throw new RangeError("The temporary file is closed.");
    try {
      await action(this.#handle);
    } catch (error) {
      throw notWritable(this.#target.name, error);
    }
  }

  /** Flushes and closes the file, which stays under its temporary name. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) return;
    this.#forget();
    try {
      await flush(handle);
    } catch (error) {
      throw notWritable(this.#target.name, error);
    } finally {
      await handle.close();
    }
  }

  /**
   * Flushes the file, also what another program wrote into it, gives it its final name and returns its size in bytes.
   *
   * @param overwrite false: a file that appeared there in the meantime is kept, and this one refused
   * @throws FileError ERR_FILE_NOT_WRITABLE, also when another file was put in the place of this one
   */
  async publish(overwrite: boolean): Promise<number> {
    const { name, path, there } = this.#target;
    const handle = this.#handle;
    if (handle === undefined) throw new RangeError("The temporary file is closed.");
    try {
      if (there !== undefined) {
        // Only root may give files away.
        await handle.chown(there.uid, there.gid).catch(() => {});
        await handle.chmod(there.mode & PERMISSIONS);
      }
      await flush(handle);
      const { size } = await handle.stat();
      await this.#check(handle, this.path);
      if (overwrite) await moveFile(this.path, path);
      else await this.#renameToNew();
      this.#forget();
      await this.#check(handle, path);
      await flushFolder(dirname(path));
      this.#handle = undefined;
      await handle.close();
      return size;
    } catch (error) {
      throw notWritable(name, error);
    }
  }

  /** Closes and removes the temporary file; does nothing when it was published, closed or removed. Never throws. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle !== undefined && (await isFileAt(handle, this.path))) await unlink(this.path).catch(() => {});
    await handle?.close().catch(() => {});
    this.#forget();
  }

  async #check(handle: FileHandle, path: string): Promise<void> {
    if (!(await isFileAt(handle, path)))
      throw unwritable(this.#target.name, `another program replaced ${path} during the write; start again`);
  }

  /** A link fails when the name is taken, a rename does not; not every file system has links. */
  async #renameToNew(): Promise<void> {
    const { path } = this.#target;
    try {
      await link(this.path, path);
      await unlink(this.path);
    } catch (error) {
      if (!hasNoLinks(error)) throw error;
      if ((await lstat(path).catch(() => undefined)) !== undefined)
        throw Object.assign(new Error("exists"), { code: "EEXIST" });
      await moveFile(this.path, path);
    }
  }
}

/** Whether a name is that of the open file, and no link to it. */
async function isFileAt(handle: FileHandle, path: string): Promise<boolean> {
  const ours = await handle.stat({ bigint: true });
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() === true && isOpenFile(ours, found);
}

const PARTIAL = ".partial";
const PARTIAL_ID_BYTES = 6;

/** Follows the target's name in temporary files that no later run resumes. */
export const PARTIAL_SUFFIX = new RegExp(`^\\.[0-9a-f]{${2 * PARTIAL_ID_BYTES}}\\${PARTIAL}$`);

/** Name of an unfinished file that a later run for this target (without links) may resume. */
export function partialPath(target: string): string {
  return besideTarget(target, PARTIAL);
}

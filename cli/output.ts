/** Where result lines go: standard output or a file. Every write is whole lines, and is waited for. */

import { constants } from "node:fs";
import { type FileHandle, open, stat, unlink } from "node:fs/promises";
import { FileError } from "../src/index.ts";
import { ClosedPipe, fileReason, UsageError } from "./errors.ts";
import { descriptorIdentity } from "./file-identity.ts";

export interface Output {
  readonly isStdout: boolean;
  /** Resolves when the text was handed to the system; so a slow reader slows the work down. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

const STDOUT = 1;

/**
 * @param path a file to write anew, as a shell's `>` does; undefined or "-" for standard output
 * @param sources identities of files that are read from, and must not be written over
 */
export async function openOutput(path: string | undefined, sources: readonly (string | undefined)[]): Promise<Output> {
  if (path === undefined || path === "-") {
    const identity = descriptorIdentity(STDOUT);
    if (identity !== undefined && sources.includes(identity)) {
      throw new UsageError("standard output is the file that is being read: write to another one");
    }
    return new StandardOutput();
  }
  if (path === "") throw new UsageError("--output is empty: give the name of a file");
  return FileOutput.open(path, sources);
}

class StandardOutput implements Output {
  readonly isStdout = true;

  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => {
        if (!error) resolve();
        else if (isClosedPipe(error)) reject(new ClosedPipe("the reader of standard output went away"));
        else reject(notWritable("standard output", error));
      });
    });
  }

  async close(): Promise<void> {}
}

function isClosedPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED";
}

class FileOutput implements Output {
  readonly isStdout = false;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #isNew: boolean;
  readonly #isRegular: boolean;
  #begun = false;
  #written = 0;

  private constructor(path: string, handle: FileHandle, isNew: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.#isNew = isNew;
    this.#isRegular = descriptorIdentity(handle.fd) !== undefined;
  }

  /** Opens without emptying: an old file stays whole until there is something to replace it with. */
  static async open(path: string, sources: readonly (string | undefined)[]): Promise<FileOutput> {
    try {
      const isNew = !(await exists(path));
      const handle = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o666);
      const output = new FileOutput(path, handle, isNew);
      const identity = descriptorIdentity(handle.fd);
      if (identity !== undefined && sources.includes(identity)) {
        await handle.close();
        throw new UsageError(`--output ${path} is the file that is being read: write to another one`);
      }
      return output;
    } catch (error) {
      throw error instanceof UsageError ? error : notWritable(path, error);
    }
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      await this.#begin();
      for (let done = 0; done < bytes.length; ) done += (await this.#handle.write(bytes, done)).bytesWritten;
      this.#written += bytes.length;
    } catch (error) {
      // Half a line would look like a broken row to whatever reads the file.
      if (this.#isRegular) await this.#handle.truncate(this.#written).catch(() => {});
      throw notWritable(this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
    if (!this.#begun && this.#isNew) await unlink(this.#path).catch(() => {});
  }

  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#isRegular) await this.#handle.truncate(0);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function notWritable(name: string, error: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `${name} cannot be written: ${fileReason(error)}.`, {
    cause: error,
    file: name,
  });
}

/** Where result lines go: standard output, a file, a pipe or a device. Every write is complete lines, and is waited for. */
import { type BigIntStats, constants, openSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { FileError } from "../src/index.ts";
import { ClosedPipe, existingFile, UsageError } from "./errors.ts";
import { descriptorIdentity, pathIdentity } from "./file-identity.ts";
import { type HeldOutput, holdOutput, isDescriptor, systemReason } from "./library.ts";

export interface Output {
  readonly isStdout: boolean;
  /** An old file that the first write truncates. */
  readonly replaces?: string;
  /** Resolves once the system has the text: a slow reader slows the work down. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface OutputSettings {
  /** Identities of the files being read, which must not be overwritten. */
  readonly sources?: readonly (string | undefined)[];
  /** Whether an existing file may be replaced. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

const STDOUT = 1;
const STDERR = 2;
/** How often a named pipe without a reader is tried again. */
const PIPE_POLL_MS = 20;
const NEW_FILE = 0o666;

/** @param path undefined or "-" for standard output */
export async function openOutput(path?: string, settings: OutputSettings = {}): Promise<Output> {
  const { sources = [] } = settings;
  if (path === "") throw new UsageError("--output is empty; expected a file name");
  const there = path === undefined || path === "-" ? undefined : await statsOf(path);
  // /dev/stdout, under any name.
  if (path === undefined || path === "-" || isDescriptor(STDOUT, there)) {
    const identity = descriptorIdentity(STDOUT);
    if (identity !== undefined && sources.includes(identity)) {
      throw new UsageError("standard output is the file being read: write to another file");
    }
    return new StreamOutput("standard output", process.stdout, true);
  }
  if (there !== undefined && !there.isFile()) {
    if (there.isDirectory()) throw notWritable(path, Object.assign(new Error(), { code: "EISDIR" }));
    if (isDescriptor(STDERR, there)) return new StreamOutput("standard error", process.stderr, false);
    return there.isFIFO() ? openPipe(path, settings.signal) : openDevice(path);
  }
  return FileOutput.open(path, there !== undefined, settings);
}

async function statsOf(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

/** A blocking open would wait for the reader and could not be cancelled, so we poll. */
async function openPipe(path: string, signal?: AbortSignal): Promise<Output> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new StreamOutput(path, new Socket({ fd, readable: false, writable: true }), false);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw notWritable(path, error);
    }
    await sleep(PIPE_POLL_MS);
  }
}

async function openDevice(path: string): Promise<Output> {
  try {
    return new DeviceOutput(path, await open(path, constants.O_WRONLY));
  } catch (error) {
    throw notWritable(path, error);
  }
}

class StreamOutput implements Output {
  readonly isStdout: boolean;
  readonly #name: string;
  readonly #stream: Writable;

  constructor(name: string, stream: Writable, isStdout: boolean) {
    this.#name = name;
    this.#stream = stream;
    this.isStdout = isStdout;
    // The failed write reports the error.
    stream.on("error", () => {});
  }

  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => {
        if (!error) resolve();
        else if (isClosedPipe(error)) reject(new ClosedPipe(`the reader of ${this.#name} is gone`));
        else reject(notWritable(this.#name, error));
      });
    });
  }

  async close(): Promise<void> {
    if (this.#stream instanceof Socket && this.#stream !== process.stdout && this.#stream !== process.stderr)
      this.#stream.destroy();
  }
}

function isClosedPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED";
}

class DeviceOutput implements Output {
  readonly isStdout = false;
  readonly #path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async write(text: string): Promise<void> {
    await this.#handle.writeFile(text).catch((error: unknown) => Promise.reject(notWritable(this.#path, error)));
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/**
 * A regular file. Rows are written as they come, so a kill loses none. It is created, or an old one truncated, with the
 * first row: until then there is nothing to replace it with.
 */
class FileOutput implements Output {
  readonly isStdout = false;
  readonly #name: string;
  readonly #held: HeldOutput;
  readonly replaces?: string;
  #handle: FileHandle | undefined;
  #written = 0;

  private constructor(name: string, held: HeldOutput) {
    this.#name = name;
    this.#held = held;
    if (!held.isNew) this.replaces = name;
  }

  static async open(
    path: string,
    isThere: boolean,
    { sources = [], force = false, signal }: OutputSettings,
  ): Promise<FileOutput> {
    const identity = await pathIdentity(path);
    if (identity !== undefined && sources.includes(identity))
      throw new UsageError(`--output ${path} is the file being read: write to another file`);
    if (isThere && !force) throw new UsageError(existingFile(path));
    return new FileOutput(
      path,
      await holdOutput(path, { overwrite: force, ...(signal === undefined ? {} : { signal }) }),
    );
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      this.#handle ??= await this.#begin();
      for (let done = 0; done < bytes.length; ) done += (await this.#handle.write(bytes, done)).bytesWritten;
      this.#written += bytes.length;
    } catch (error) {
      // Half a line would be a broken row.
      await this.#handle?.truncate(this.#written).catch(() => {});
      throw notWritable(this.#name, error);
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    await this.#held.release();
  }

  async #begin(): Promise<FileHandle> {
    const { path, isNew } = this.#held;
    const how = isNew ? constants.O_CREAT | constants.O_EXCL : constants.O_TRUNC;
    return open(path, constants.O_WRONLY | how | (constants.O_NOFOLLOW ?? 0), NEW_FILE);
  }
}

function notWritable(name: string, error: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `${name} cannot be written: ${systemReason(error)}.`, {
    cause: error,
    file: name,
  });
}

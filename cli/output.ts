/** Where result lines go: standard output, a file, a pipe or a device. Every write is complete lines, and is waited for. */
import { type BigIntStats, constants, openSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ClosedPipe, notWritable, UsageError } from "./errors.ts";
import { descriptorIdentity } from "./file-identity.ts";
import { FileOutput } from "./file-output.ts";
import { HeldOutput } from "./held-output.ts";
import { type Fingerprint, fileKey, isDescriptor } from "./library.ts";
import { isNamed } from "./output-options.ts";
import type { Output } from "./output-types.ts";

export interface OutputSettings {
  /** Identities of the files being read, which must not be overwritten. */
  readonly sources?: readonly (string | undefined)[];
  /** Whether an existing file may be replaced. */
  readonly force?: boolean;
  /** Whether to go on with what an earlier run left; only for files. */
  readonly resume?: boolean;
  /** What the run does, by which a later one knows it; not called for anything but a file. */
  readonly fingerprint?: () => Promise<Fingerprint>;
  /** Whether the output can only be made when all rows are known. */
  readonly held?: boolean;
  readonly signal?: AbortSignal;
}

const STDOUT = 1;
const STDERR = 2;
/** How often a named pipe without a reader is tried again. */
const PIPE_POLL_MS = 20;

/** @param path undefined or "-" for standard output */
export async function openOutput(path?: string, settings: OutputSettings = {}): Promise<Output> {
  if (path === "") throw new UsageError("--output is empty; expected a file name");
  const opened = await openPlace(path, settings);
  if (opened instanceof FileOutput || settings.held !== true) return opened;
  return HeldOutput.open(opened);
}

async function openPlace(path: string | undefined, settings: OutputSettings): Promise<Output> {
  const { sources = [], force = false, resume = false, held = false, signal } = settings;
  const there = isNamed(path) ? await statsOf(path) : undefined;
  // /dev/stdout, under any name.
  const isStdout = !isNamed(path) || isDescriptor(STDOUT, there);
  if (resume && (isStdout || there?.isFile() === false))
    throw new UsageError("--resume needs --output FILE: only a file keeps the rows of an earlier run");
  if (isStdout) {
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
  if (there !== undefined && sources.includes(fileKey(there)))
    throw new UsageError(`--output ${path} is the file being read: write to another file`);
  const isThere = there !== undefined;
  const fingerprint = (await settings.fingerprint?.()) ?? {};
  return FileOutput.open(path, { isThere, force, resume, held, fingerprint, signal });
}

/** Whether a path is, or would be, a regular file: not a stream, pipe or device. */
export async function isRegularFile(path: string | undefined): Promise<boolean> {
  if (!isNamed(path) || path === "") return false;
  const there = await statsOf(path);
  return there === undefined || (there.isFile() && !isDescriptor(STDOUT, there));
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
  readonly isHeld = false;
  readonly #name: string;
  readonly #stream: Writable;

  constructor(name: string, stream: Writable, isStdout: boolean) {
    this.#name = name;
    this.#stream = stream;
    this.isStdout = isStdout;
    // The failed write reports the error.
    stream.on("error", () => {});
  }

  write(text: string | Uint8Array): Promise<void> {
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
  readonly isHeld = false;
  readonly #path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async write(text: string | Uint8Array): Promise<void> {
    await this.#handle.writeFile(text).catch((error: unknown) => Promise.reject(notWritable(this.#path, error)));
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Opens the source of rows. */
import { type BigIntStats, constants, createReadStream, fstatSync, open, read } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isatty, ReadStream } from "node:tty";
import { promisify } from "node:util";
import { FileError } from "../src/index.ts";
import { descriptorIdentity, descriptorStats, isDescriptor } from "./file-identity.ts";
import { compressionOf, decompressed, systemReason } from "./library.ts";

export interface Input {
  /** Its name in messages. */
  readonly name: string;
  /** Decompressed, if it is gzip or zstd. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Total bytes of the chunks, if known. */
  readonly totalBytes: number | undefined;
  /** See {@link descriptorIdentity}. */
  readonly identity: string | undefined;
  /** Closes it, even during a read. */
  close(): void;
}

const openDescriptor = promisify(open);
const readDescriptor = promisify(read);

const STDIN = 0;
/** Enough to recognise gzip and zstd. */
const MAGIC_BYTES = 4;

/** @param path a file, or "-" for standard input */
export async function openInput(path: string): Promise<Input> {
  if (path === "-") return standardInput();
  const there = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw notReadable(path, error);
  });
  // /dev/stdin, under any name.
  if (isDescriptor(STDIN, there)) return standardInput();
  if (there.isDirectory())
    throw new FileError("ERR_FILE_NOT_READABLE", `${path} is a folder; expected a file of JSON lines or JSON.`, {
      file: path,
    });
  // A blocking open of a named pipe waits for its writer, a blocking read for data: neither could be cancelled.
  const fd = await openDescriptor(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    throw notReadable(path, error);
  });
  const opened = fstatSync(fd, { bigint: true });
  const stream = opened.isFIFO() ? new Socket({ fd, readable: true, writable: false }) : openStream(path, fd);
  return {
    name: path,
    chunks: decompressed(readable(stream, path), path),
    totalBytes: await sizeOf(fd, opened),
    identity: descriptorIdentity(fd),
    close: () => void stream.destroy(),
  };
}

function openStream(path: string, fd: number): Readable {
  return isatty(fd) ? new ReadStream(fd) : createReadStream(path, { fd });
}

async function standardInput(): Promise<Input> {
  const name = "standard input";
  return {
    name,
    chunks: decompressed(readable(process.stdin, name), name),
    totalBytes: await sizeOf(STDIN, descriptorStats(STDIN)),
    identity: descriptorIdentity(STDIN),
    close: () => void process.stdin.destroy(),
  };
}

async function sizeOf(descriptor: number, stats: BigIntStats | undefined): Promise<number | undefined> {
  return stats?.isFile() && !(await isCompressed(descriptor)) ? Number(stats.size) : undefined;
}

/** For a regular file; reading at a position does not move the read offset. */
async function isCompressed(descriptor: number): Promise<boolean> {
  const head = Buffer.alloc(MAGIC_BYTES);
  // If this fails, reading the rows reports why.
  await readDescriptor(descriptor, head, 0, head.length, 0).catch(() => {});
  return compressionOf(head) !== undefined;
}

async function* readable(stream: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw notReadable(name, error);
  }
}

export function notReadable(name: string, error: unknown): FileError {
  return new FileError("ERR_FILE_NOT_READABLE", `${name} cannot be read: ${systemReason(error)}.`, {
    cause: error,
    file: name,
  });
}

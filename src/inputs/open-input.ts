/** Opens one input of rows: a file, standard input, a named pipe or a device. */
import { constants, createReadStream, fstatSync, open } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isatty, ReadStream } from "node:tty";
import { promisify } from "node:util";
import { FileError } from "../errors.ts";
import { type ByteSource, openFile, renamed } from "../files/byte-source.ts";
import { descriptorStats, isDescriptor } from "../files/same-file.ts";
import { systemReason } from "../files/system-errors.ts";
import { missingUrlReason } from "../files/url-advice.ts";
import { STANDARD_INPUT_NAME } from "../rows/damaged.ts";
import { chunksOf } from "../rows/read-rows.ts";

export interface OpenInput {
  /** Its name in messages. */
  readonly name: string;
  /** Its bytes; of a regular file each loop starts again. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The same by position, of a regular file. */
  readonly source: ByteSource | undefined;
  /** In bytes, as stored; undefined for what has no end yet. */
  readonly size: number | undefined;
  /** Closes it, even during a read. */
  close(): Promise<void>;
}

const openDescriptor = promisify(open);

const STDIN = 0;
export const STANDARD_INPUT = "-";

/**
 * @param path a file, or "-" for standard input
 * @param name its name in messages
 * @throws FileError ERR_FILE_NOT_READABLE
 */
export async function openInput(path: string, name = path): Promise<OpenInput> {
  if (path === STANDARD_INPUT) return standardInput();
  const there = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw notReadable(name, error);
  });
  // /dev/stdin, under any name.
  if (isDescriptor(STDIN, there)) return standardInput();
  if (there.isFile()) {
    const opened = await openFile(path);
    const source = renamed(opened, { path: name, identity: opened.identity });
    const chunks = { [Symbol.asyncIterator]: () => chunksOf(source) };
    return { name, chunks, source, size: source.size, close: () => source.close() };
  }
  // A blocking open of a named pipe waits for its writer, a blocking read for data: neither could be cancelled.
  const fd = await openDescriptor(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    throw notReadable(name, error);
  });
  const stream = fstatSync(fd).isFIFO() ? new Socket({ fd, readable: true, writable: false }) : openStream(path, fd);
  return {
    name,
    chunks: readable(stream, name),
    source: undefined,
    size: undefined,
    close: async () => void stream.destroy(),
  };
}

function openStream(path: string, fd: number): Readable {
  return isatty(fd) ? new ReadStream(fd) : createReadStream(path, { fd });
}

function standardInput(): OpenInput {
  const stats = descriptorStats(STDIN);
  return {
    name: STANDARD_INPUT_NAME,
    chunks: readable(process.stdin, STANDARD_INPUT_NAME),
    source: undefined,
    size: stats?.isFile() ? Number(stats.size) : undefined,
    close: async () => void process.stdin.destroy(),
  };
}

async function* readable(stream: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw notReadable(name, error);
  }
}

function notReadable(name: string, error: unknown): FileError {
  const reason = missingUrlReason(name, error, false) ?? systemReason(error);
  return new FileError("ERR_FILE_NOT_READABLE", `${name} cannot be read: ${reason}.`, { cause: error, file: name });
}

/** Bytes that are read by position: a file, here or elsewhere. */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { notReadable, readError } from "./file-errors.ts";
import { MAX_POINTER_BYTES, pointerReason } from "./lfs-pointer.ts";

/** Something of a known size that is open for reading. */
export interface ByteSource {
  /** Its name in messages: a path or an address. */
  readonly path: string;
  /** Bytes, as they were when it was opened. */
  readonly size: number;
  /** Changes when the content changes, as far as is known without reading it. */
  readonly identity: string;
  /**
   * Fills `target` with the bytes from `position` on.
   *
   * @throws FileError ERR_FILE_NOT_READABLE when it ends before, for example because it was cut while it was read
   */
  read(position: number, target: Uint8Array): Promise<void>;
  /**
   * Checks that it has not changed while open, where that is possible.
   *
   * @throws FileError
   */
  assertUnchanged?(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a regular file for reading. Folders, pipes and devices are refused before they are opened, because opening a
 * pipe waits for a writer.
 *
 * @throws FileError ERR_FILE_NOT_READABLE
 */
export async function openFile(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined;
  try {
    await assertRegularFile(path);
    handle = await open(path, READ_WITHOUT_WAITING);
    const stats = await handle.stat();
    if (!stats.isFile()) throw notReadable(path, "it is not a regular file");
    const file = new LocalFile(handle, path, stats);
    await refusePointer(file);
    return file;
  } catch (error) {
    await handle?.close();
    throw readError(path, error);
  }
}

/** Whatever is read from a file, a pointer in its place makes no sense. @throws FileError ERR_FILE_NOT_READABLE */
export async function refusePointer(file: Pick<ByteSource, "path" | "size" | "read">): Promise<void> {
  if (file.size === 0 || file.size >= MAX_POINTER_BYTES) return;
  const bytes = Buffer.alloc(file.size);
  await file.read(0, bytes);
  const reason = pointerReason(bytes);
  if (reason !== undefined) throw notReadable(file.path, reason);
}

/** Flags for reading: does not block if a pipe has replaced the file. */
export const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** @throws FileError ERR_FILE_NOT_READABLE for folders, pipes and devices */
export async function assertRegularFile(path: string): Promise<void> {
  if (!(await stat(path)).isFile()) throw notReadable(path, "it is not a regular file");
}

class LocalFile implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly identity: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, path: string, stats: Stats) {
    this.#handle = handle;
    this.path = path;
    this.size = stats.size;
    this.identity = identityOf(stats);
  }

  read(position: number, target: Uint8Array): Promise<void> {
    return readFully(this, position, target, async (offset, length, at) => {
      return (await this.#handle.read(target, offset, length, at)).bytesRead;
    });
  }

  async assertUnchanged(): Promise<void> {
    if (identityOf(await this.#handle.stat()) !== this.identity)
      throw notReadable(this.path, "it changed during the read; start again");
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function identityOf({ size, mtimeMs }: Stats): string {
  return `${size} bytes of ${mtimeMs}`;
}

/** Reads until `target` is full; `readSome` reads into it from `offset` on, and gives the number of bytes: 0 at the end. */
export async function readFully(
  { path, size }: Pick<ByteSource, "path" | "size">,
  position: number,
  target: Uint8Array,
  readSome: (offset: number, length: number, position: number) => Promise<number>,
): Promise<void> {
  let done = 0;
  while (done < target.length) {
    let bytesRead: number;
    try {
      bytesRead = await readSome(done, target.length - done, position + done);
    } catch (error) {
      throw readError(path, error);
    }
    if (bytesRead === 0) throw notReadable(path, `it ended after ${position + done} of ${size} bytes`);
    done += bytesRead;
  }
}

/**
 * Bytes that are in memory.
 *
 * @param size may be more than there are: the rest are zeros
 */
export function bytesSource(path: string, identity: string, bytes: Uint8Array, size = bytes.length): ByteSource {
  return {
    path,
    size,
    identity,
    async read(position, target) {
      if (position + target.length > size) throw new RangeError(`${path} ends at byte ${size}.`);
      const there = bytes.subarray(position, position + target.length);
      target.set(there);
      target.fill(0, there.length);
    },
    async close() {},
  };
}

/** The same source under another name: its content is identified by more than the file's time. */
export function renamed(source: ByteSource, names: { readonly path?: string; readonly identity: string }): ByteSource {
  return {
    path: names.path ?? source.path,
    size: source.size,
    identity: names.identity,
    read: (position, target) => source.read(position, target),
    assertUnchanged: async () => source.assertUnchanged?.(),
    close: () => source.close(),
  };
}

/** Reads exactly `length` bytes at `position`; errors are those of {@link ByteSource.read}. */
export async function readExactly(source: ByteSource, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  await source.read(position, buffer);
  return buffer;
}

/** The same, into memory that is not part of a larger buffer. */
export async function readAlone(
  source: ByteSource,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await source.read(position, bytes);
  return bytes;
}

/** A name from a file for an error message: quoted, control characters escaped, at most 80 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length <= MAX_QUOTED_CHARACTERS ? name : `${name.slice(0, MAX_QUOTED_CHARACTERS - 1)}…`);
}

/** Longest name shown in full in a message: llama.cpp's longest tensor name is 63 bytes. */
const MAX_QUOTED_CHARACTERS = 80;

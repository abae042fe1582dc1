/** The size, hash and time by which a file is known again. */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { READ_WITHOUT_WAITING } from "./byte-source.ts";
import { notReadable, readError } from "./file-errors.ts";

/** A file as it was. */
export interface FileRecord {
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** Modification time in nanoseconds since 1970. Absent: it was too recent to tell two versions of the file apart. */
  readonly modified?: string;
}

/** Bytes hashed at a time on the JS thread: about a millisecond. */
const READ_BYTES = 1024 * 1024;
/** A file modified this recently could change again without a new time: file systems round times to up to two seconds (FAT). */
const SETTLED_MS = 2_000;

/** @throws FileError ERR_FILE_NOT_READABLE, also for what is no regular file; the signal's reason */
export async function recordFile(path: string, signal?: AbortSignal): Promise<FileRecord> {
  const handle = await openRegular(path);
  try {
    const before = await handle.stat({ bigint: true });
    const sha256 = await hashOf(handle, signal);
    const after = await handle.stat({ bigint: true });
    if (timeOf(before) !== timeOf(after) || before.size !== after.size)
      throw notReadable(path, "it changed while it was read");
    const isSettled = Date.now() - Number(before.mtimeMs) > SETTLED_MS;
    return { bytes: Number(before.size), sha256, ...(isSettled ? { modified: timeOf(before) } : {}) };
  } catch (error) {
    signal?.throwIfAborted();
    throw readError(path, error);
  } finally {
    await handle.close();
  }
}

/**
 * Whether a file is as it was: by size and time, and by its content where the time is another or is not known.
 *
 * @returns false also for what is no regular file
 * @throws as {@link recordFile}
 */
export async function isSameContent(path: string, before: FileRecord, signal?: AbortSignal): Promise<boolean> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats?.isFile() !== true || Number(stats.size) !== before.bytes) return false;
  if (before.modified === timeOf(stats)) return true;
  return (await recordFile(path, signal)).sha256 === before.sha256;
}

export function timeOf({ mtimeNs }: BigIntStats): string {
  return String(mtimeNs);
}

async function openRegular(path: string): Promise<FileHandle> {
  const handle = await open(path, READ_WITHOUT_WAITING).catch((error: unknown) => {
    throw readError(path, error);
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw notReadable(path, "it is not a regular file");
}

async function hashOf(handle: FileHandle, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let position = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

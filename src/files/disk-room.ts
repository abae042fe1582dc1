/** Checks for free disk space before anything is written. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { byteSize } from "../byte-units.ts";
import { unwritable } from "./file-errors.ts";

/**
 * @param target the file to write; its folder exists
 * @param bytes it will take, in addition to what exists
 * @param name its name in messages
 * @throws FileError ERR_FILE_NOT_WRITABLE with both numbers when the disk has less; does nothing if the system does not say
 */
export async function checkRoom(target: string, bytes: number, name = target): Promise<void> {
  const free = await freeBytes(dirname(resolve(target)));
  if (free === undefined || bytes <= free) return;
  throw unwritable(name, `it needs ${byteSize(bytes)}; ${byteSize(free)} free on this disk`);
}

/** Bytes this user may still write there; undefined if the system does not say. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    // Some network and FUSE file systems report a size of zero.
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Errors of the hub's cache: what cannot be written, and a disk that is too small. */
import { byteSize } from "../byte-units.ts";
import { FileError, HubError } from "../errors.ts";
import { freeBytes } from "../files/disk-room.ts";
import { unwritable } from "../files/file-errors.ts";
import { isDenied, isDiskFull, systemReason } from "../files/system-errors.ts";

/** For a file of the cache that cannot be created, written or renamed. */
export function cannotWrite(file: string, cause: unknown): Error {
  if (cause instanceof FileError) return cause;
  return unwritable(file, `${systemReason(cause)}${advice(cause)}`, cause);
}

function advice(cause: unknown): string {
  if (isDenied(cause)) return "; set HF_HUB_CACHE to a folder that you can write to";
  return isDiskFull(cause) ? "; the partial download is kept" : "";
}

/**
 * @param needed bytes that will be written to `folder`, which exists
 * @throws HubError ERR_DISK_FULL before anything is written
 */
export async function checkSpace(folder: string, needed: number, what: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free === undefined || needed <= free) return;
  throw new HubError(
    "ERR_DISK_FULL",
    `${what} needs ${byteSize(needed)} in ${folder}; ${byteSize(free)} free on this disk. Free some space, or set HF_HUB_CACHE to a folder on a larger disk.`,
    { file: folder },
  );
}

import { HubError } from "../errors.ts";
import { freeBytes } from "../files/disk-room.ts";

/**
 * @param needed bytes that will be written to `folder`, which exists
 * @throws HubError ERR_DISK_FULL before anything is written
 */
export async function checkSpace(folder: string, needed: number, what: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free === undefined || needed <= free) return;
  throw new HubError(
    "ERR_DISK_FULL",
    `${what} needs ${gigabytes(needed)} in ${folder}, where ${gigabytes(free)} are free: make room, or set HF_HUB_CACHE to a folder on a larger disk.`,
    { file: folder },
  );
}

function gigabytes(bytes: number): string {
  return bytes < 1e7 ? `${bytes} bytes` : `${(bytes / 1e9).toFixed(2)} GB`;
}

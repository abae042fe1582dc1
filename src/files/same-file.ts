/** Whether names and open files are the same file. */
import { type BigIntStats, fstatSync } from "node:fs";
import { stat } from "node:fs/promises";

/** In full: Windows has file numbers that a double cannot hold, so two files would seem to be one. */
type Place = Pick<BigIntStats, "dev" | "ino">;

/**
 * The same for all names of a file, and where it is open. Some versions of libuv give 64 bits of a Windows volume's number for
 * a name and 32 for an open file.
 */
export function fileKey({ dev, ino }: Place, platform: NodeJS.Platform = process.platform): string {
  return `${platform === "win32" ? BigInt.asUintN(32, dev) : dev}:${ino}`;
}

/** By device and inode, so links count too; false if either does not exist. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    return fileKey(await stat(one, { bigint: true })) === fileKey(await stat(other, { bigint: true }));
  } catch {
    return false;
  }
}

/**
 * Whether what is open is what a name of the same folder leads to. On Windows the file's own number decides: Wine forgets
 * the volume of an open file that was renamed.
 */
export function isOpenFile(open: Place, named: Place, platform: NodeJS.Platform = process.platform): boolean {
  return open.ino === named.ino && (open.dev === named.dev || platform === "win32");
}

/** Undefined where the system does not say: of some consoles and redirections of Windows. */
export function descriptorStats(descriptor: number): BigIntStats | undefined {
  try {
    return fstatSync(descriptor, { bigint: true });
  } catch {
    return undefined;
  }
}

/** Whether `stats` describe the descriptor's file, pipe, socket or terminal (/dev/stdout can be any of them). */
export function isDescriptor(descriptor: number, stats: BigIntStats | undefined): boolean {
  const open = descriptorStats(descriptor);
  if (open === undefined || stats === undefined) return false;
  // On Windows all pipes, consoles and NUL have the number 0; only their kinds of device differ.
  return fileKey(open) === fileKey(stats) && open.rdev === stats.rdev;
}

/**
 * Whether two names or descriptors are the same file: undefined for anything but a regular file. Paths are examined off the JS
 * thread, which a stalled disk must not block.
 */
import { type BigIntStats, fstatSync } from "node:fs";
import { stat } from "node:fs/promises";
import { fileKey } from "./library.ts";

/** Undefined where the system does not say: of some consoles and redirections of Windows. */
export function descriptorStats(descriptor: number): BigIntStats | undefined {
  try {
    return fstatSync(descriptor, { bigint: true });
  } catch {
    return undefined;
  }
}

export function descriptorIdentity(descriptor: number): string | undefined {
  return identity(descriptorStats(descriptor));
}

export async function pathIdentity(path: string): Promise<string | undefined> {
  return identity(await stat(path, { bigint: true }).catch(() => undefined));
}

/** Whether `stats` describe the descriptor's file, pipe, socket or terminal (/dev/stdout can be any of them). */
export function isDescriptor(descriptor: number, stats: BigIntStats | undefined): boolean {
  const open = descriptorStats(descriptor);
  if (open === undefined || stats === undefined) return false;
  // On Windows all pipes, consoles and NUL have the number 0; only their kinds of device differ.
  return fileKey(open) === fileKey(stats) && open.rdev === stats.rdev;
}

function identity(stats: BigIntStats | undefined): string | undefined {
  return stats?.isFile() ? fileKey(stats) : undefined;
}

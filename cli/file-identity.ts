/**
 * Whether two names or descriptors are the same file: device and inode; undefined for anything but a regular file. Paths are
 * examined off the JS thread, which a stalled disk must not block.
 */
import { type BigIntStats, fstatSync } from "node:fs";
import { stat } from "node:fs/promises";

export function descriptorIdentity(descriptor: number): string | undefined {
  try {
    return identity(fstatSync(descriptor, { bigint: true }));
  } catch {
    return undefined;
  }
}

export async function pathIdentity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : identity(found);
}

function identity(stats: BigIntStats): string | undefined {
  return stats.isFile() ? `${stats.dev}:${stats.ino}` : undefined;
}

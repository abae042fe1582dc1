/**
 * Telling whether two names or descriptors are one file: device and file number; undefined for what is no plain file. Names
 * are looked at off the JS thread, which a stalled disk must not hold.
 */
import { type BigIntStats, fstatSync, type Stats } from "node:fs";
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

/** Whether that is what the descriptor is of, whatever it is: /dev/stdout is a file, a pipe, a socket or a terminal. */
export function isDescriptor(descriptor: number, stats: Stats | undefined): boolean {
  try {
    const { dev, ino } = fstatSync(descriptor);
    return stats?.dev === dev && stats.ino === ino;
  } catch {
    return false;
  }
}

function identity(stats: BigIntStats): string | undefined {
  return stats.isFile() ? `${stats.dev}:${stats.ino}` : undefined;
}

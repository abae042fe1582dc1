/** Telling whether two names or descriptors are one file: device and file number; undefined for what is no plain file. */
import { type BigIntStats, fstatSync, type Stats, statSync } from "node:fs";

export function descriptorIdentity(descriptor: number): string | undefined {
  return identity(() => fstatSync(descriptor, { bigint: true }));
}

export function pathIdentity(path: string): string | undefined {
  return identity(() => statSync(path, { bigint: true }));
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

function identity(read: () => BigIntStats): string | undefined {
  try {
    const stat = read();
    return stat.isFile() ? `${stat.dev}:${stat.ino}` : undefined;
  } catch {
    return undefined;
  }
}

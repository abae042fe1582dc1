/** Telling whether two names or descriptors are one file: device and file number; undefined for what is no plain file. */
import { type BigIntStats, fstatSync, statSync } from "node:fs";

export function descriptorIdentity(descriptor: number): string | undefined {
  return identity(() => fstatSync(descriptor, { bigint: true }));
}

export function pathIdentity(path: string): string | undefined {
  return identity(() => statSync(path, { bigint: true }));
}

function identity(read: () => BigIntStats): string | undefined {
  try {
    const stat = read();
    return stat.isFile() ? `${stat.dev}:${stat.ino}` : undefined;
  } catch {
    return undefined;
  }
}

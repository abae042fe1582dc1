/**
 * Whether two names or descriptors are the same file: undefined for anything but a regular file. Paths are examined off the JS
 * thread, which a stalled disk must not block.
 */
import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { descriptorStats, fileKey } from "./library.ts";

export function descriptorIdentity(descriptor: number): string | undefined {
  return identity(descriptorStats(descriptor));
}

export async function pathIdentity(path: string): Promise<string | undefined> {
  return identity(await stat(path, { bigint: true }).catch(() => undefined));
}

function identity(stats: BigIntStats | undefined): string | undefined {
  return stats?.isFile() ? fileKey(stats) : undefined;
}

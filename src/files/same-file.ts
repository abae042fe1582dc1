/** Whether two paths or descriptors are the same file. */
import { fstatSync, type Stats } from "node:fs";
import { stat } from "node:fs/promises";

/** By device and inode, so links count too; false if either does not exist. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = [await stat(one, { bigint: true }), await stat(other, { bigint: true })];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/** Whether `stats` describe the descriptor's file, pipe, socket or terminal (/dev/stdout can be any of them). */
export function isDescriptor(descriptor: number, stats: Stats | undefined): boolean {
  try {
    const { dev, ino } = fstatSync(descriptor);
    return stats?.dev === dev && stats.ino === ino;
  } catch {
    return false;
  }
}

/** Whether two paths are the same file. */
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

/** Which files the processes of this machine have open, where the system tells. */
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { listIfReadable, readTextIfReadable } from "./optional-files.ts";

/**
 * Absolute paths of the files that processes of this user have open or mapped; undefined where the system does not tell
 * (Linux does).
 *
 * @param root for tests: the folder used as "/"
 */
export function openFiles(root = "/"): ReadonlySet<string> | undefined {
  const processes = (listIfReadable(join(root, "proc")) ?? []).filter((name) => /^\d+$/.test(name));
  if (processes.length === 0) return undefined;
  const paths = new Set<string>();
  for (const number of processes) {
    const folder = join(root, "proc", number);
    for (const descriptor of listIfReadable(join(folder, "fd")) ?? []) {
      try {
        paths.add(readlinkSync(join(folder, "fd", descriptor)));
      } catch {
        // It was closed, or the process has ended.
      }
    }
    // proc(5): address, permissions, offset, device, inode, path.
    for (const [, path = ""] of (readTextIfReadable(join(folder, "maps")) ?? "").matchAll(/^(?:\S+ +){5}(\/.*)$/gm))
      paths.add(path);
  }
  return paths;
}

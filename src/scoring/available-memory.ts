/** How much memory a process may still take without being killed or making the machine swap. */
import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import { readTextIfReadable } from "../files/optional-files.ts";
import { availableOnMac, vmStat } from "../native/mac-system.ts";

const KIBIBYTE = 1024;

/**
 * Bytes, or undefined if the system does not say. Linux: what is available without swapping, within the limits of the
 * process's control groups, whose file cache counts as free. macOS: what is free, and what the system can take back without
 * writing it to the swap file. Windows: what is free.
 *
 * @param root for tests: the folder used as "/"
 */
export function availableMemory(platform: NodeJS.Platform = process.platform, root = "/"): number | undefined {
  // A model larger than all memory never fits.
  if (platform === "darwin") return Math.min(availableOnMac(vmStat()) ?? totalmem(), totalmem());
  if (platform !== "linux") return freemem();
  const meminfo = readTextIfReadable(join(root, "proc/meminfo"));
  const free = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo ?? "")?.[1]) * KIBIBYTE;
  const limits = [free, ...controlGroups(root).map((folder) => leftInGroup(folder))];
  const known = limits.filter((bytes): bytes is number => bytes !== undefined && Number.isFinite(bytes));
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known));
}

/** The folders of the groups that this process is in, from the innermost one to the root. */
function controlGroups(root: string): string[] {
  const folders: string[] = [];
  for (const line of (readTextIfReadable(join(root, "proc/self/cgroup")) ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    // Version 2 has one hierarchy without a name, version 1 one for memory.
    if (controllers !== "" && !controllers?.split(",").includes("memory")) continue;
    const mount = join(root, "sys/fs/cgroup", controllers === "" ? "" : "memory");
    for (let at = path; ; at = at.slice(0, at.lastIndexOf("/"))) {
      folders.push(join(mount, at));
      if (at === "" || at === "/") break;
    }
  }
  return folders;
}

function leftInGroup(folder: string): number | undefined {
  const limit = number(join(folder, "memory.max")) ?? number(join(folder, "memory.limit_in_bytes"));
  const used = number(join(folder, "memory.current")) ?? number(join(folder, "memory.usage_in_bytes"));
  if (limit === undefined || used === undefined) return undefined;
  const stat = readTextIfReadable(join(folder, "memory.stat")) ?? "";
  const cached = ["active_file", "inactive_file"].map((name) => {
    const found = new RegExp(`^(?:total_)?${name} (\\d+)$`, "m").exec(stat);
    return Number(found?.[1] ?? 0);
  });
  return limit - used + cached.reduce((sum, bytes) => sum + bytes, 0);
}

/** "max" means no limit. */
function number(path: string): number | undefined {
  const text = readTextIfReadable(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

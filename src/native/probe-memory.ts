/** What probes found, remembered from one process to the next for as long as nothing changed. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { namesIfThere } from "../files/if-there.ts";
import { makeFolder } from "../files/make-folder.ts";
import type { RuntimeLibraries } from "./addon.ts";
import { addonPath } from "./load-addon.ts";
import type { ProbeResult } from "./probe.ts";

/** Raised when what is remembered changes its shape or its meaning. */
const FORMAT = 1;
/** A failure may be mended where we do not look (a kernel module, a group): it is tried again after a day. */
const FAILURE_KEPT_MS = 24 * 60 * 60 * 1000;
/** A few runtimes, on a few machines that share a home folder, before and after a few updates. */
const MOST_REMEMBERED = 32;
/** What tells drivers which devices to use, or where they are. */
const VARIABLES = [
  "CUDA_VISIBLE_DEVICES",
  "NVIDIA_VISIBLE_DEVICES",
  "GGML_VK_VISIBLE_DEVICES",
  "GGML_CUDA_DISABLE_GRAPHS",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "LD_LIBRARY_PATH",
];

/**
 * Stands for a runtime with the drivers of a machine: it changes when a library, the addon, a driver file or one of the
 * variables does, and not with the time or the machine's name.
 */
export function probeKey(
  libraries: RuntimeLibraries,
  driverFiles: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): string {
  const files = [
    ...listFiles(libraries.folder),
    ...(libraries.fallbackBackends ?? []),
    ...driverFiles,
    addonPath() ?? "",
  ];
  const variables = VARIABLES.map((name) => [name, env[name] ?? null]);
  const parts = [FORMAT, process.platform, process.arch, libraries, files.map(identity), variables];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}

function listFiles(folder: string): string[] {
  return (namesIfThere(folder) ?? []).map((name) => join(folder, name));
}

/** Of devices (/dev/nvidia0) only that they are there: their times change with every start of the machine. */
function identity(path: string): readonly (string | number)[] {
  try {
    const stats = statSync(path);
    return stats.isFile() ? [path, stats.size, Math.round(stats.mtimeMs)] : [path];
  } catch {
    return [path, "missing"];
  }
}

/** What was found under this key; nothing if it is too old, or cannot be read: then the runtime is tried again. */
export function recall(key: string, folder: string = probeFolder(), now: number = Date.now()): ProbeResult | undefined {
  try {
    const { time, result } = JSON.parse(readFileSync(file(folder, key), "utf8"));
    if (!isProbeResult(result) || typeof time !== "number") return undefined;
    // A clock that was put back would keep a failure for ever.
    const age = now - time;
    return result.problem !== undefined && (age < 0 || age > FAILURE_KEPT_MS) ? undefined : result;
  } catch {
    return undefined;
  }
}

/** Never fails: without a cache folder every process tries for itself. */
export function remember(
  key: string,
  result: ProbeResult,
  folder: string = probeFolder(),
  now: number = Date.now(),
): void {
  const path = file(folder, key);
  const own = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    makeFolder(dirname(path));
    writeFileSync(own, JSON.stringify({ time: now, result }));
    renameSync(own, path);
    forgetOldest(folder);
  } catch {
    try {
      unlinkSync(own);
    } catch {
      // It was never made.
    }
  }
}

function forgetOldest(folder: string): void {
  const byAge = listFiles(folder)
    .map((path) => ({ path, time: statSync(path).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of byAge.slice(MOST_REMEMBERED)) unlinkSync(path);
}

function probeFolder(): string {
  return join(defaultCacheFolder(), "probes");
}

function file(folder: string, key: string): string {
  return join(folder, `${key}.json`);
}

function isProbeResult(value: unknown): value is ProbeResult {
  if (typeof value !== "object" || value === null) return false;
  const { opened, devices, problem } = value as Record<string, unknown>;
  return (
    typeof opened === "boolean" &&
    (problem === undefined || typeof problem === "string") &&
    Array.isArray(devices) &&
    devices.every(isDevice)
  );
}

function isDevice(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, description, type, memoryFree, memoryTotal } = value as Record<string, unknown>;
  const texts = [name, description, type].every((text) => typeof text === "string");
  return texts && [memoryFree, memoryTotal].every((bytes) => typeof bytes === "number" && bytes >= 0);
}

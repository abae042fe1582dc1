/** What probes found, remembered from one process to the next for as long as nothing changed. */
import { join } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { namesIfThere } from "../files/if-there.ts";
import type { RuntimeLibraries } from "./addon.ts";
import { addonPath } from "./load-addon.ts";
import type { ProbeResult } from "./probe.ts";
import { fileIdentity, keyOf, readRemembered, writeRemembered } from "./remembered.ts";

/** Raised when what is remembered changes its shape or its meaning. */
const FORMAT = 1;
/** A failure may be mended where we do not look (a kernel module, a group): it is tried again after a day. */
const FAILURE_KEPT_MS = 24 * 60 * 60 * 1000;
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
  const parts = [FORMAT, process.platform, process.arch, libraries, files.map(fileIdentity), variables];
  return keyOf(parts);
}

function listFiles(folder: string): string[] {
  return (namesIfThere(folder) ?? []).map((name) => join(folder, name));
}

/** What was found under this key; nothing if it is too old, or cannot be read: then the runtime is tried again. */
export function recall(key: string, folder: string = probeFolder(), now: number = Date.now()): ProbeResult | undefined {
  const { time = 0, result } = readRemembered(folder, key) ?? {};
  if (!isProbeResult(result)) return undefined;
  // A clock that was put back would keep a failure for ever.
  const age = now - time;
  return result.problem !== undefined && (age < 0 || age > FAILURE_KEPT_MS) ? undefined : result;
}

/** Never fails: without a cache folder every process tries for itself. */
export function remember(
  key: string,
  result: ProbeResult,
  folder: string = probeFolder(),
  now: number = Date.now(),
): void {
  writeRemembered(folder, key, { time: now, result });
}

function probeFolder(): string {
  return join(defaultCacheFolder(), "probes");
}

function isProbeResult(value: unknown): value is ProbeResult {
  if (typeof value !== "object" || value === null) return false;
  const { opened, devices, problem, cpuLibrary } = value as Record<string, unknown>;
  return (
    typeof opened === "boolean" &&
    [problem, cpuLibrary].every((text) => text === undefined || typeof text === "string") &&
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

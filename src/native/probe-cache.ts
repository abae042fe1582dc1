/** Results of probes, cached between processes until a library, driver or setting changes. */
import { join } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { cacheKey, fileIdentity, JsonCache } from "../files/json-cache.ts";
import { listIfReadable } from "../files/optional-files.ts";
import type { RuntimeLibraries } from "./addon.ts";
import { addonPath } from "./load-addon.ts";
import type { ProbeResult } from "./probe.ts";

/** Raised when an entry changes its shape or meaning. */
const FORMAT = 1;
/** A failure may be fixed where no file shows it (a kernel module, a group): it is tried again after a day. */
const FAILURE_KEPT_MS = 24 * 60 * 60 * 1000;
/** A few runtimes and models, on a few machines that share a home folder, before and after a few updates. */
const MAX_PROBE_ENTRIES = 64;
/** Variables that select devices or drivers. */
const VARIABLES = [
  "CUDA_VISIBLE_DEVICES",
  "NVIDIA_VISIBLE_DEVICES",
  "GGML_VK_VISIBLE_DEVICES",
  "GGML_CUDA_DISABLE_GRAPHS",
  "GGML_METAL_DEVICES",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "LD_LIBRARY_PATH",
];

/**
 * Identifies a runtime together with a machine's drivers. Changes with a library, the addon, a driver file or one of the
 * variables, but not with the time or the machine's name.
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
  return cacheKey(parts);
}

function listFiles(folder: string): string[] {
  return (listIfReadable(folder) ?? []).map((name) => join(folder, name));
}

/** The cached result; undefined if there is none, it is too old or cannot be read. */
export function loadProbe(
  key: string,
  folder: string = probeFolder(),
  now: number = Date.now(),
): ProbeResult | undefined {
  const { time, result } = (cacheIn(folder).read(key) ?? {}) as Record<string, unknown>;
  if (typeof time !== "number" || !isProbeResult(result)) return undefined;
  // A clock that was set back would otherwise keep a failure indefinitely.
  const age = now - time;
  return result.problem !== undefined && (age < 0 || age > FAILURE_KEPT_MS) ? undefined : result;
}

/** Never throws: without a cache folder each process probes for itself. */
export function saveProbe(
  key: string,
  result: ProbeResult,
  folder: string = probeFolder(),
  now: number = Date.now(),
): void {
  cacheIn(folder).write(key, { time: now, result });
}

function cacheIn(folder: string): JsonCache {
  return new JsonCache(folder, MAX_PROBE_ENTRIES);
}

function probeFolder(): string {
  return join(defaultCacheFolder(), "probes");
}

function isProbeResult(value: unknown): value is ProbeResult {
  if (typeof value !== "object" || value === null) return false;
  const { opened, devices, problem, cpuLibrary, cpuFeatures } = value as Record<string, unknown>;
  return (
    typeof opened === "boolean" &&
    [problem, cpuLibrary].every((text) => text === undefined || typeof text === "string") &&
    (cpuFeatures === undefined || isTextList(cpuFeatures)) &&
    Array.isArray(devices) &&
    devices.every(isDevice)
  );
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isDevice(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, description, type, memoryFree, memoryTotal } = value as Record<string, unknown>;
  const texts = [name, description, type].every((text) => typeof text === "string");
  return texts && [memoryFree, memoryTotal].every((bytes) => typeof bytes === "number" && bytes >= 0);
}

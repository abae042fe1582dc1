/** Platforms, backends, and the npm packages with llama.cpp's libraries for them. */
import { readFileSync } from "node:fs";

/** The interfaces to graphics processors. */
export type GpuBackend = "cuda" | "vulkan" | "metal";
/** In the order in which they are tried. */
export const GPU_BACKENDS: readonly GpuBackend[] = ["cuda", "metal", "vulkan"];
/** What a model can run on. */
export type Backend = "cpu" | GpuBackend;

export interface Platform {
  readonly os: NodeJS.Platform;
  readonly arch: string;
}

/** The C libraries of Linux. */
export type Libc = "glibc" | "musl";

export const here: Platform = { os: process.platform, arch: process.arch };

/** Package names without the scope, by platform and backend. */
const packages: Readonly<Record<string, Partial<Record<Backend, string>>>> = {
  "linux-x64": { cpu: "linux-x64", cuda: "linux-x64-cuda", vulkan: "linux-x64-vulkan" },
  "linux-arm64": { cpu: "linux-arm64" },
  "darwin-arm64": { cpu: "mac-arm64-metal", metal: "mac-arm64-metal" },
  "darwin-x64": { cpu: "mac-x64" },
  "win32-x64": { cpu: "win-x64", cuda: "win-x64-cuda", vulkan: "win-x64-vulkan" },
  "win32-arm64": { cpu: "win-arm64" },
};

/** The npm package with the prebuilt runtime for a backend, or undefined if there is none. Those for Linux need glibc. */
export function runtimePackage(backend: Backend, platform: Platform = here): string | undefined {
  if (platform === here && isMusl()) return undefined;
  const name = packages[`${platform.os}-${platform.arch}`]?.[backend];
  return name === undefined ? undefined : `@node-llama-cpp/${name}`;
}

/** The backends that a platform has a package for, the CPU last; the order in which they are tried. */
export function backendsOf(platform: Platform = here): Backend[] {
  return [...GPU_BACKENDS, "cpu" as const].filter((backend) => runtimePackage(backend, platform) !== undefined);
}

/** Whether this process runs on Linux with musl. */
export function isMusl(): boolean {
  return process.platform === "linux" && currentLibc() === "musl";
}

let libc: Libc | undefined;

/** The C library of this process, which must run on Linux. */
export function currentLibc(): Libc {
  libc ??= mappedLibc() ?? (process.report === undefined || glibcVersion() !== undefined ? "glibc" : "musl");
  return libc;
}

/** By the files that this process has in memory: a report takes 20 ms, and not every host makes one. */
function mappedLibc(): Libc | undefined {
  try {
    const maps = readFileSync("/proc/self/maps", "latin1");
    if (/\/libc(?:\.so\.6|-2\.\d+\.so)$/m.test(maps)) return "glibc";
    return /\/ld-musl-|\/libc\.musl-/.test(maps) ? "musl" : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The version of the C library that this very process runs on, by Node's report: files of several may exist.
 * Undefined if it is not glibc.
 */
export function glibcVersion(): string | undefined {
  const { report } = process as { report?: { excludeNetwork?: boolean; getReport(): object } };
  if (report === undefined) return undefined;
  const { excludeNetwork } = report;
  try {
    // Else the report looks up the names of all peers, which can take seconds.
    report.excludeNetwork = true;
    const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime;
  } finally {
    if (excludeNetwork !== undefined) report.excludeNetwork = excludeNetwork;
  }
}

/** Platforms, backends, and the npm packages with llama.cpp's libraries for them. */

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

/** The npm package with the prebuilt runtime for a backend, or undefined if there is none. */
export function runtimePackage(backend: Backend, platform: Platform = here): string | undefined {
  const name = packages[`${platform.os}-${platform.arch}`]?.[backend];
  return name === undefined ? undefined : `@node-llama-cpp/${name}`;
}

/** The backends that a platform has a package for, the CPU last; the order in which they are tried. */
export function backendsOf(platform: Platform = here): Backend[] {
  return [...GPU_BACKENDS, "cpu" as const].filter((backend) => runtimePackage(backend, platform) !== undefined);
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

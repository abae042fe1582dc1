/** Finds llama.cpp runtimes: folders with its shared libraries and compute backends. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { NativeError } from "../errors.ts";
import type { RuntimeLibraries } from "./addon.ts";
import { packageRoot } from "./load-addon.ts";
import { outsideArchive, packageFolder } from "./package-folder.ts";

/** The llama.cpp that this package is made for: what its headers are of, and what `llama_version()` must say. */
export const LLAMA_VERSION = "0.4.0";
/** The version of the packages with the prebuilt libraries of that llama.cpp; package.json pins the same. */
export const RUNTIME_PACKAGE_VERSION = "3.21.1";
/** A folder with libraries of that llama.cpp, for example of an own build; goes before the packages. */
export const RUNTIME_VARIABLE = "STARLING_RM_RUNTIME";

export type GpuBackend = "cuda" | "vulkan" | "metal";
export type Backend = "cpu" | GpuBackend;

export interface Platform {
  readonly os: NodeJS.Platform;
  readonly arch: string;
}

const here: Platform = { os: process.platform, arch: process.arch };

/** Package names without the scope, by platform and backend. */
const packages: Readonly<Record<string, Partial<Record<Backend, string>>>> = {
  "linux-x64": { cpu: "linux-x64", cuda: "linux-x64-cuda", vulkan: "linux-x64-vulkan" },
  "linux-arm64": { cpu: "linux-arm64" },
  "darwin-arm64": { cpu: "mac-arm64-metal", metal: "mac-arm64-metal" },
  "darwin-x64": { cpu: "mac-x64" },
  "win32-x64": { cpu: "win-x64", cuda: "win-x64-cuda", vulkan: "win-x64-vulkan" },
  "win32-arm64": { cpu: "win-arm64" },
};

/** The npm package with the prebuilt runtime for a backend, or undefined where there is none. */
export function runtimePackage(backend: Backend, platform: Platform = here): string | undefined {
  const name = packages[`${platform.os}-${platform.arch}`]?.[backend];
  return name === undefined ? undefined : `@node-llama-cpp/${name}`;
}

/**
 * The libraries to open for a backend.
 *
 * @throws NativeError ERR_RUNTIME_NOT_FOUND, saying which package to install
 */
export function findRuntime(backend: Backend): RuntimeLibraries {
  const own = process.env[RUNTIME_VARIABLE];
  if (own !== undefined && own !== "") return librariesIn(resolve(own));
  const name = runtimePackage(backend);
  if (name === undefined)
    throw new NativeError(
      "ERR_RUNTIME_NOT_FOUND",
      `There is no prebuilt llama.cpp runtime with the backend ${backend} for ${here.os} on ${here.arch}: ` +
        `set ${RUNTIME_VARIABLE} to a folder with shared libraries of llama.cpp ${LLAMA_VERSION}.`,
    );
  const folder = packageFolder(name, packageRoot());
  if (folder === undefined)
    throw new NativeError(
      "ERR_RUNTIME_NOT_FOUND",
      `The llama.cpp runtime with the backend ${backend} is not installed: ` +
        `run \`npm install ${name}@${RUNTIME_PACKAGE_VERSION}\`.`,
    );
  return { ...librariesIn(binariesFolder(folder, name)), fallbackBackends: fallbackBackends(name) };
}

/** Whether the package with a backend's runtime is installed. */
export function hasRuntime(backend: Backend): boolean {
  const name = runtimePackage(backend);
  return name !== undefined && packageFolder(name, packageRoot()) !== undefined;
}

const LIBRARY = /^(?:lib)?(ggml-base|ggml|llama)((?:\.[\w-]+)*?)\.(?:so|dylib|dll)$/;

/**
 * Picks the three libraries of a folder by their names: `libllama.v0.4.0.so`, `libllama.cuda.v0.4.0.so`, `libllama.so`,
 * `libllama.0.dylib`, `llama.dll`.
 *
 * @throws NativeError ERR_RUNTIME_NOT_FOUND when the folder does not exist, ERR_RUNTIME_UNUSABLE when a library is missing
 */
export function librariesIn(folder: string): RuntimeLibraries {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (cause) {
    throw new NativeError("ERR_RUNTIME_NOT_FOUND", `The runtime folder ${folder} cannot be read.`, { cause });
  }
  const pick = (wanted: string): string => {
    const matches = names.flatMap((name) => {
      const [, stem, version] = LIBRARY.exec(name) ?? [];
      return stem === wanted ? [{ name, version: version ?? "" }] : [];
    });
    // An own build leaves links beside the library; the one that names the version is the surest.
    const best = matches.find(({ version }) => version.endsWith(`.v${LLAMA_VERSION}`)) ?? matches[0];
    if (best !== undefined) return join(folder, best.name);
    throw new NativeError(
      "ERR_RUNTIME_UNUSABLE",
      `The runtime folder ${folder} has no library ${wanted} (such as ${exampleName(wanted)}): ` +
        `it must hold the shared libraries of llama.cpp ${LLAMA_VERSION}.`,
    );
  };
  return { folder, ggmlBase: pick("ggml-base"), ggml: pick("ggml"), llama: pick("llama"), version: LLAMA_VERSION };
}

function exampleName(stem: string): string {
  if (here.os === "win32") return `${stem}.dll`;
  return here.os === "darwin" ? `lib${stem}.dylib` : `lib${stem}.so`;
}

function binariesFolder(folder: string, name: string): string {
  return outsideArchive(join(folder, "bins", name.slice(name.indexOf("/") + 1)));
}

/** The CUDA package needs CUDA 13; its companion has the same backend for CUDA 12. */
function fallbackBackends(name: string): string[] {
  if (!name.endsWith("-cuda")) return [];
  // It is large, so not a dependency of ours. node-llama-cpp brings it, and some package managers show it to that alone.
  const root = packageRoot();
  const neighbour = packageFolder("node-llama-cpp", root);
  const folder =
    packageFolder(`${name}-ext`, root) ??
    (neighbour === undefined ? undefined : packageFolder(`${name}-ext`, realpathSync(neighbour)));
  if (folder === undefined) return [];
  const binaries = join(binariesFolder(folder, name), "fallback");
  if (!existsSync(binaries)) return [];
  return readdirSync(binaries)
    .filter((file) => /^(?:lib)?ggml-cuda\.(?:so|dll)$/.test(file))
    .map((file) => join(binaries, file));
}

/** Whether an NVIDIA driver is installed, without loading it. */
export function hasNvidiaDriver(platform: Platform = here, env: NodeJS.ProcessEnv = process.env): boolean {
  if (platform.os === "win32") return existsSync(join(env["SystemRoot"] ?? "C:\\Windows", "System32", "nvcuda.dll"));
  if (platform.os !== "linux") return false;
  const folders = [
    ...(env["LD_LIBRARY_PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/wsl/lib",
    "/usr/local/nvidia/lib64",
    "/run/opengl-driver/lib",
  ];
  return folders.some((folder) => existsSync(join(folder, "libcuda.so.1")));
}

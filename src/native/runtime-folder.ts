/** Finds llama.cpp runtimes: folders with its shared libraries and compute backends. */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { isStarlingError, NativeError } from "../errors.ts";
import { listIfReadable } from "../files/optional-files.ts";
import { packageRoot } from "../package-info.ts";
import type { RuntimeLibraries } from "./addon.ts";
import { neverOn } from "./gpu-never.ts";
import { installPackage, reinstallPackage } from "./install-command.ts";
import { isTranslated, macSysctl } from "./mac-system.ts";
import { outsideArchive, packageFolder } from "./package-folder.ts";
import { type Backend, GPU_BACKENDS, type GpuBackend, here, isMusl, runtimePackage } from "./platforms.ts";

/** The llama.cpp that this package is made for: what its headers are of, and what `llama_version()` must say. */
export const LLAMA_VERSION = "0.4.0";
/** The version of the packages with the prebuilt libraries of that llama.cpp; package.json pins the same. */
export const RUNTIME_PACKAGE_VERSION = "3.21.1";
/** A folder with libraries of that llama.cpp, for example of an own build; goes before the packages. */
export const RUNTIME_VARIABLE = "STARLING_RM_RUNTIME";

/**
 * The libraries to open for a backend.
 *
 * @throws NativeError ERR_RUNTIME_NOT_FOUND, saying which package to install; ERR_RUNTIME_UNUSABLE for an
 * incomplete one
 */
export function findRuntime(backend: Backend): RuntimeLibraries {
  const own = ownRuntime();
  if (own !== undefined) return librariesIn(own);
  const name = runtimePackage(backend);
  const translated = isTranslated(macSysctl());
  const never = backend === "cpu" ? undefined : neverOn(backend, { platform: here, translated });
  if (never !== undefined)
    throw new NativeError("ERR_RUNTIME_NOT_FOUND", `There is no runtime with the backend ${backend} here: ${never}.`);
  if (name === undefined)
    throw new NativeError(
      "ERR_RUNTIME_NOT_FOUND",
      `There is no prebuilt llama.cpp runtime with the backend ${backend} for ${here.os} on ${here.arch}` +
        `${isMusl() ? " with musl" : ""}: set ${RUNTIME_VARIABLE} to a folder with shared libraries of llama.cpp ` +
        `${LLAMA_VERSION}, such as one made in a checkout of this project by \`npm run build:runtime\`.`,
    );
  const folder = packageFolder(name, packageRoot());
  if (folder === undefined)
    throw new NativeError(
      "ERR_RUNTIME_NOT_FOUND",
      `The llama.cpp runtime with the backend ${backend} is not installed: run \`${installCommand(backend)}\`.`,
    );
  const binaries = binariesFolder(folder, name);
  try {
    // Only to detect an incompletely installed package; llama.cpp itself reports its version.
    if (backend !== "cpu" && installedVersion(backend) === undefined) throw new Error("its package.json is damaged");
    return { ...librariesIn(binaries), fallbackBackends: fallbackBackends(name) };
  } catch (cause) {
    const reason = isStarlingError(cause) ? cause.message : `${(cause as Error).message}.`;
    throw new NativeError(
      "ERR_RUNTIME_UNUSABLE",
      `The package ${name} is incomplete: ${reason} ${reinstallPackage(folder)}`,
      { cause },
    );
  }
}

/** Where the CPU's runtime is; undefined where none is installed. Nothing is opened. */
export function runtimeFolder(): string | undefined {
  try {
    return findRuntime("cpu").folder;
  } catch {
    return undefined;
  }
}

/** The folder that {@link RUNTIME_VARIABLE} names. */
export function ownRuntime(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = env[RUNTIME_VARIABLE];
  return folder === undefined || folder === "" ? undefined : resolve(folder);
}

/** The GPU backends that a folder has a library of, in the order in which they are tried. */
export function ownBackends(folder: string): GpuBackend[] {
  return GPU_BACKENDS.filter((backend) => backendLibraries(folder, backend).length > 0);
}

/** The libraries of a folder that are a GPU backend's own. */
export function backendLibraries(folder: string, backend: GpuBackend): string[] {
  const pattern = new RegExp(`^(?:lib)?ggml-${backend}\\b.*\\.(?:so|dylib|dll)$`);
  return (listIfReadable(folder) ?? []).filter((name) => pattern.test(name)).map((name) => join(folder, name));
}

/** The command that installs the package with a backend's runtime; undefined if there is none. */
export function installCommand(backend: Backend): string | undefined {
  const name = runtimePackage(backend);
  return name === undefined ? undefined : installPackage(`${name}@${RUNTIME_PACKAGE_VERSION}`);
}

/** Whether the package with a backend's runtime is installed, complete or not. */
export function hasRuntime(backend: Backend): boolean {
  return installedFolder(backend) !== undefined;
}

/** The version of a backend's package; undefined where it is not installed, or its package.json cannot be read. */
export function installedVersion(backend: Backend): string | undefined {
  const folder = installedFolder(backend);
  if (folder === undefined) return undefined;
  try {
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

function installedFolder(backend: Backend): string | undefined {
  const name = runtimePackage(backend);
  return name === undefined ? undefined : packageFolder(name, packageRoot());
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
      const [, baseName, version] = LIBRARY.exec(name) ?? [];
      return baseName === wanted ? [{ name, version: version ?? "" }] : [];
    });
    // A build from source leaves symbolic links next to the library; prefer the one with the version in its name.
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

function exampleName(baseName: string): string {
  if (here.os === "win32") return `${baseName}.dll`;
  return here.os === "darwin" ? `lib${baseName}.dylib` : `lib${baseName}.so`;
}

function binariesFolder(folder: string, name: string): string {
  return outsideArchive(join(folder, "bins", name.slice(name.indexOf("/") + 1)));
}

/** A sentence: how to get NVIDIA's libraries that the CUDA package needs. */
export function cudaAdvice(): string {
  const name = runtimePackage("cuda");
  const other = name === undefined ? "" : `; with CUDA 12 also install ${name}-ext@${RUNTIME_PACKAGE_VERSION}`;
  return `Install CUDA 13 (https://developer.nvidia.com/cuda-downloads)${other}.`;
}

/** The CUDA package needs CUDA 13; its companion has the same backend for CUDA 12. */
function fallbackBackends(name: string): string[] {
  if (!name.endsWith("-cuda")) return [];
  // It is large, so we do not depend on it. node-llama-cpp does, and some package managers let only that see it.
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

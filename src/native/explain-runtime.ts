/** Explains why a runtime could not be opened and suggests a fix; the loader's own message does neither. */
import { accessSync, constants, existsSync } from "node:fs";
import { basename, join } from "node:path";
import { isDenied, systemReason } from "../files/system-errors.ts";
import type { RuntimeLibraries } from "./addon.ts";
import { explainOnMac } from "./explain-mac.ts";
import { explainOnWindows } from "./explain-windows.ts";
import { reinstallPackage } from "./install-command.ts";
import { findCutOff, findLibraryProblem } from "./library-format.ts";
import { type GpuBackend, here, type Platform } from "./platforms.ts";
import { backendLibraries, cudaAdvice, RUNTIME_VARIABLE } from "./runtime-folder.ts";
import { installLibrary } from "./system-packages.ts";

/**
 * @param reason what the system's loader or the addon said
 * @returns sentences: the cause, and a command that fixes it if there is one
 */
export function explainRuntime(libraries: RuntimeLibraries, reason: string, platform: Platform = here): string {
  return filesProblem(libraries, undefined, platform) ?? explainReason(libraries, reason);
}

/**
 * What is wrong with the files of a runtime, without opening any of them; undefined when they look right.
 *
 * @param backend whose own library is looked at, too
 */
export function filesProblem(
  libraries: RuntimeLibraries,
  backend?: GpuBackend,
  platform: Platform = here,
): string | undefined {
  const crash = crashReason(libraries);
  if (crash !== undefined) return crash;
  const own = backend === undefined ? [] : backendLibraries(libraries.folder, backend);
  const others = libraries.fallbackBackends ?? [];
  // Metal may be a part of another library.
  if (backend !== undefined && backend !== "metal" && own.length + others.length === 0)
    return `${libraries.folder} has no library of the backend ${backend}. ${again(libraries)}`;
  for (const path of [libraries.ggmlBase, libraries.ggml, libraries.llama, ...own]) {
    const problem = fileProblem(path, libraries, platform);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Why opening a runtime would end the process; undefined if it may be tried. */
export function crashReason(libraries: RuntimeLibraries): string | undefined {
  const cut = findCutOff(libraries.folder);
  return cut === undefined ? undefined : `${cut}. ${again(libraries)}`;
}

/** What is wrong with a library's file itself; undefined when it looks right. */
function fileProblem(path: string, libraries: RuntimeLibraries, platform: Platform): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    const problem = findLibraryProblem(path, platform);
    return problem === undefined ? undefined : `${path} ${problem.what}. ${again(libraries)}`;
  } catch (error) {
    return explainAccess(path, libraries, error);
  }
}

/** @internal Exported for tests, which may run as a user who can read everything. */
export function explainAccess(path: string, libraries: RuntimeLibraries, error: unknown): string {
  const advice = isDenied(error) ? `Run \`chmod a+r ${JSON.stringify(path)}\` as its owner.` : again(libraries);
  return `${path} cannot be read: ${systemReason(error)}. ${advice}`;
}

/** Patterns of loaders' messages: glibc's, musl's, and macOS's. */
const MISSING_LIBRARY = [
  /(?:^|[\s:])([\w.+-]+\.so[\w.]*): cannot open shared object file/,
  /Error loading shared library ([^:\s]+): No such file/,
  /Library not loaded: (\S+)/,
];

/** The same for what was said when the files themselves are right. */
export function explainReason(libraries: RuntimeLibraries, reason: string): string {
  const onMac = explainOnMac(reason, libraries.folder, again(libraries));
  if (onMac !== undefined) return onMac;
  const onWindows = explainOnWindows(reason);
  if (onWindows !== undefined) return onWindows;
  const missing = MISSING_LIBRARY.map((pattern) => pattern.exec(reason)?.[1]).find((name) => name !== undefined);
  if (missing !== undefined) {
    return missingLibrary(basename(missing), libraries);
  }
  const symbols = /version [`'"]?(GLIBC(?:XX)?_[\d.]+)['"`]? not found/.exec(reason)?.[1];
  if (symbols !== undefined)
    return `it needs ${symbols} of the C library, and this system's is older: upgrade the system.`;
  if (/is llama\.cpp .* but this build needs|does not export/.test(reason))
    return `${sentence(reason)} ${again(libraries)}`;
  if (/file too short|invalid ELF header|truncated/i.test(reason))
    return `one of its libraries is damaged (${reason.replace(/\.$/, "")}). ${again(libraries)}`;
  if (/permission denied/i.test(reason)) return `${sentence(reason)} The folder may be mounted noexec.`;
  return sentence(reason);
}

/** Where CUDA's own installer puts its libraries; not every system's loader looks there. */
const CUDA_FOLDER = "/usr/local/cuda/lib64";

function missingLibrary(name: string, libraries: RuntimeLibraries): string {
  if (existsSync(join(CUDA_FOLDER, name)))
    return `it needs the library ${name}, which is in ${CUDA_FOLDER}, where the loader does not look. Run \`export LD_LIBRARY_PATH=${CUDA_FOLDER}\`.`;
  const command = installLibrary(name);
  const advice = [
    command === undefined ? undefined : `Run \`${command}\`.`,
    /^libcu(?:dart|blas)/.test(name) ? cudaAdvice() : undefined,
    LLAMA_LIBRARY.test(name) ? again(libraries) : undefined,
  ].filter((text) => text !== undefined);
  if (advice.length === 0) advice.push("Install the system's package that has it.");
  return `it needs the library ${name}, which was not found. ${advice.join(" ")}`;
}

/** What the package itself has. */
const LLAMA_LIBRARY = /^lib(?:ggml|llama)/;

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** How to get the right libraries into this folder. */
function again({ folder, version }: RuntimeLibraries): string {
  const installed = packageFolderOf(folder);
  if (installed === undefined)
    return `Set ${RUNTIME_VARIABLE} to a folder with the libraries of llama.cpp ${version}, or unset it.`;
  return reinstallPackage(installed);
}

/** The folder of the npm package that a runtime folder belongs to. */
export function packageFolderOf(folder: string): string | undefined {
  return /^.*[\\/]@node-llama-cpp[\\/](?:[\w-]+[\\/]\d+\.[^\\/]*|[\w-]+)(?=[\\/])/.exec(folder)?.[0];
}

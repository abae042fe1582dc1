// Builds the native addon: build/Release/starling_rm.node. Run by `npm run build:addon` and by
// scripts/install.mjs. Needs cmake, git, a C++17 compiler and a few npm packages; downloads nothing.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** This package's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(root, "package.json"));

/** The finished addon. */
export const addonPath = join(root, "build", "Release", "starling_rm.node");

/** How to install the tools on this platform. */
function installHint() {
  if (process.platform === "darwin") return "xcode-select --install && brew install cmake";
  if (process.platform === "win32")
    return 'install "Visual Studio Build Tools" with the workload "Desktop development with C++", CMake and Git for Windows';
  return "apt-get install cmake g++ make git (Debian and Ubuntu), dnf install cmake gcc-c++ make git (Fedora), or apk add cmake g++ make git (Alpine)";
}

/**
 * The npm packages that a build needs, pinned in package.json as devDependencies: 40 MB that users of a prebuilt addon do
 * not need.
 */
const BUILD_PACKAGES = ["cmake-js", "node-addon-api", "node-api-headers", "node-llama-cpp"];

function works(command, args = ["--version"]) {
  return spawnSync(command, args, { stdio: "ignore", windowsHide: true }).status === 0;
}

/** The names of missing tools. */
export function missingTools() {
  const missing = [];
  if (!works("cmake")) missing.push("cmake");
  if (!works("git")) missing.push("git");
  // On Windows cmake-js finds Visual Studio.
  if (process.platform !== "win32") {
    const compilers = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
    if (!compilers.some((compiler) => works(compiler))) missing.push("a C++ compiler");
    if (!["make", "ninja", "ninja-build"].some((tool) => works(tool))) missing.push("make");
  }
  return missing;
}

/** The npm packages that are missing or have another version, as `name@version`. */
export function missingPackages() {
  const { devDependencies } = readManifest(root);
  return BUILD_PACKAGES.flatMap((name) => {
    const folder = packageFolder(name);
    const wanted = devDependencies[name];
    return folder !== undefined && readManifest(folder).version === wanted ? [] : [`${name}@${wanted}`];
  });
}

/** Why the addon cannot be built, and the commands that fix it; undefined if it can. */
export function whatIsMissing() {
  const tools = missingTools();
  const packages = missingPackages();
  const sentences = [
    tools.length > 0 && `${tools.join(", ")} ${tools.length === 1 ? "is" : "are"} missing: ${installHint()}.`,
    // Without their install scripts, which would download or build llama.cpp: only its headers are needed.
    packages.length > 0 &&
      `npm packages are missing: npm install --save-dev --save-exact --ignore-scripts ${packages.join(" ")}.`,
  ].filter(Boolean);
  return sentences.length === 0 ? undefined : `The native addon cannot be built: ${sentences.join(" Also, ")}`;
}

export class BuildError extends Error {}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** The folder of an installed package, even if its exports hide package.json; undefined if it is not installed. */
export function packageFolder(name) {
  const folders = (require.resolve.paths(name) ?? []).map((modules) => join(modules, name));
  return folders.find((folder) => existsSync(join(folder, "package.json")));
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    windowsHide: true,
    maxBuffer: 256 * 1024 * 1024,
    ...options,
  });
  if (result.status === 0) return result.stdout;
  const output = [result.error?.message, result.stdout, result.stderr].filter(Boolean).join("\n");
  throw new BuildError(`${command} ${args.join(" ")}\nfailed (${result.signal ?? result.status}):\n${output}`);
}

/** Runs git independently of surrounding repositories, hooks and settings. */
function git(args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  return run("git", args, {
    env: { ...env, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: join(root, "build", "none") },
  });
}

/**
 * Extracts files of llama.cpp from the git bundle in node-llama-cpp: the source of the libraries in its prebuilt packages.
 *
 * @param {string} folder recreated unless it has this version's files already
 * @param {readonly string[]} paths
 */
export function extractLlama(folder, paths) {
  const package_ = packageFolder("node-llama-cpp");
  if (package_ === undefined) throw new BuildError(whatIsMissing());
  const bundle = join(package_, "llama", "gitRelease.bundle");
  const { version } = readManifest(package_);
  const stampFile = join(folder, "stamp.json");
  const stamp = JSON.stringify({ nodeLlamaCpp: version, bytes: statSync(bundle).size });
  const isCurrent = existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;
  if (isCurrent && paths.every((path) => existsSync(join(folder, path)))) return folder;

  const clone = `${folder}-clone-${process.pid}`;
  const fresh = `${folder}-${process.pid}`;
  try {
    mkdirSync(fresh, { recursive: true });
    git(["clone", "--quiet", "--bare", bundle, clone]);
    git([`--git-dir=${clone}`, `--work-tree=${fresh}`, "checkout", "--quiet", "HEAD", "--", ...paths]);
    writeFileSync(join(fresh, "stamp.json"), stamp);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(clone, { recursive: true, force: true });
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

/**
 * What the addon is compiled with: llama.cpp's public headers, and those of ggml's CPU backend that llama/prefill_injection.cpp
 * reaches into.
 */
export const HEADERS = ["include", "ggml/include", "ggml/src/ggml-backend-impl.h", "ggml/src/ggml-impl.h"].concat(
  ["traits.h", "ggml-cpu-impl.h"].map((name) => `ggml/src/ggml-cpu/${name}`),
);

/** Removes a build folder that was copied or moved with its checkout: it would build the sources at the old path. */
function dropForeignBuild(out) {
  const cache = join(out, "CMakeCache.txt");
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, "utf8"))?.[1] ?? "";
  if (resolve(home) !== join(root, "native")) rmSync(out, { recursive: true, force: true });
}

/**
 * @param {{ sanitize?: "address" | "thread" }} options with a sanitizer the addon is built into a separate folder for
 *   scripts/sanitize.mjs
 */
export function buildAddon({ sanitize } = {}) {
  const missing = whatIsMissing();
  if (missing !== undefined) throw new BuildError(missing);
  const started = Date.now();
  mkdirSync(join(root, "build"), { recursive: true });
  const headers = extractLlama(join(root, "build", "llama-headers"), HEADERS);
  const nodeAddonApi = packageFolder("node-addon-api");
  const cmakeJs = join(packageFolder("cmake-js"), "bin", "cmake-js");
  const out = join(root, "build", sanitize === undefined ? "addon" : `sanitize-${sanitize}`);
  dropForeignBuild(out);
  const forward = (path) => path.replaceAll("\\", "/");
  run(process.execPath, [
    cmakeJs,
    "compile",
    `--directory=${join(root, "native")}`,
    `--out=${out}`,
    "--config=Release",
    `--parallel=${availableParallelism()}`,
    `--CDSTARLING_LLAMA_HEADERS=${forward(headers)}`,
    `--CDSTARLING_NODE_ADDON_API=${forward(nodeAddonApi)}`,
    `--CDSTARLING_SANITIZE=${sanitize ?? ""}`,
  ]);
  const built = join(out, "Release", "starling_rm.node");
  if (sanitize !== undefined) return { path: built, seconds: (Date.now() - started) / 1000 };
  // Replaced by a rename, so a process that has the old addon loaded is not affected.
  mkdirSync(dirname(addonPath), { recursive: true });
  const next = `${addonPath}.${process.pid}.tmp`;
  copyFileSync(built, next);
  renameSync(next, addonPath);
  return { path: addonPath, seconds: (Date.now() - started) / 1000 };
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    const { path, seconds } = buildAddon();
    console.log(`Built ${path} in ${seconds.toFixed(1)} s.`);
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    process.exitCode = 1;
  }
}

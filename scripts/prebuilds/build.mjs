// Builds the addon for every platform with one cross compiler: prebuilds/NAME/starling_rm.node, which the package carries.
// Usage: npm run prebuilds [-- NAME ...]   (default: all). Needs cmake, ninja or make, git and the npm registry.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError, extractLlama, HEADERS, missingPackages, packageFolder, root } from "../build-addon.mjs";
import { assertPrebuilt } from "./check.mjs";
import { TARGETS } from "./targets.mjs";
import { findZig } from "./zig.mjs";

const here = dirname(fileURLToPath(import.meta.url));
/** Of Node-API, which the addon is built for: native/CMakeLists.txt. */
const NODE_API = "v8";

/** Where the finished addon of a platform is. */
export function prebuiltPath(name, folder = join(root, "prebuilds")) {
  return join(folder, name, "starling_rm.node");
}

/** cmake's generator: ninja where it is installed. */
function generator() {
  const runs = (command) => spawnSync(command, ["--version"], { stdio: "ignore", windowsHide: true }).status === 0;
  if (!runs("cmake")) throw new BuildError("cmake is missing; it describes and runs the build.");
  if (runs("ninja")) return "Ninja";
  if (runs("make")) return "Unix Makefiles";
  throw new BuildError("ninja or make is missing; cmake runs one of them.");
}

/** A header with the functions of Node-API, for native/node/windows_host.cpp. */
function writeHostFunctions(path) {
  const { symbols } = createRequire(join(root, "package.json"))("node-api-headers");
  const { js_native_api_symbols, node_api_symbols } = symbols[NODE_API];
  const names = [...js_native_api_symbols, ...node_api_symbols].sort();
  const lines = names.map((name) => `  X(${name})`);
  writeFileSync(path, `#define STARLING_EACH_HOST_FUNCTION(X) \\\n${lines.join(" \\\n")}\n`);
  return path;
}

/** What every platform's build shares. */
function prepare() {
  const missing = missingPackages();
  if (missing.length > 0)
    throw new BuildError(
      `The prebuilt addons need npm packages that are not installed: ${missing.join(", ")}. Run npm ci.`,
    );
  const build = join(root, "build", "prebuilds");
  mkdirSync(build, { recursive: true });
  return {
    build,
    generator: generator(),
    ...findZig(),
    headers: extractLlama(join(root, "build", "llama-headers"), HEADERS),
    hostFunctions: writeHostFunctions(join(build, "host_functions.h")),
  };
}

const forward = (path) => path.replaceAll("\\", "/");

function cmakeArguments(name, common, out) {
  const { zig, system, processor } = TARGETS[name];
  const entries = {
    CMAKE_TOOLCHAIN_FILE: join(here, "zig.cmake"),
    CMAKE_BUILD_TYPE: "Release",
    ZIG: common.zig,
    ZIG_TARGET: zig,
    ZIG_SYSTEM: system,
    ZIG_PROCESSOR: processor,
    ZIG_SOURCE_ROOT: root,
    CMAKE_JS_SRC: join(here, "cxx-runtime.cpp"),
    CMAKE_JS_INC: join(packageFolder("node-api-headers"), "include"),
    STARLING_NODE_ADDON_API: packageFolder("node-addon-api"),
    STARLING_LLAMA_HEADERS: common.headers,
    STARLING_BY_ROOM: "ON",
    ...(system === "Windows" ? { STARLING_HOST_FUNCTIONS: common.hostFunctions } : {}),
  };
  const options = Object.entries(entries).map(([key, value]) => `-D${key}=${forward(value)}`);
  return ["-G", common.generator, "-S", join(root, "native"), "-B", out, ...options];
}

/** Runs a program to its end; what it printed is in the error. */
function run(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, windowsHide: true });
    const output = [];
    child.stdout.on("data", (bytes) => output.push(bytes));
    child.stderr.on("data", (bytes) => output.push(bytes));
    child.once("error", reject);
    child.once("close", (status) => {
      const text = Buffer.concat(output).toString();
      if (status === 0) resolve(text);
      else reject(new BuildError(`${command} ${args.join(" ")}\nfailed (${status}):\n${text}`));
    });
  });
}

/** Builds the addon of one platform. @returns {Promise<{ path: string, seconds: number, bytes: number }>} */
async function buildOne(name, common, jobs, folder) {
  const started = Date.now();
  const out = join(common.build, name);
  // From nothing: what an earlier version of the sources left must not get in.
  rmSync(out, { recursive: true, force: true });
  await run("cmake", cmakeArguments(name, common, out), common.env);
  await run("cmake", ["--build", out, "--parallel", String(jobs)], common.env);
  const built = join(out, "starling_rm.node");
  assertPrebuilt(name, readFileSync(built), built);
  const path = prebuiltPath(name, folder);
  mkdirSync(dirname(path), { recursive: true });
  const next = `${path}.${process.pid}.tmp`;
  copyFileSync(built, next);
  renameSync(next, path);
  return { path, seconds: (Date.now() - started) / 1000, bytes: statSync(path).size };
}

/** @param {readonly string[]} names of TARGETS */
export async function buildPrebuilds(names, folder = join(root, "prebuilds")) {
  const common = prepare();
  const cores = availableParallelism();
  // zig makes the C++ library of a platform with one thread, so platforms are built side by side.
  const sideBySide = Math.min(cores, names.length);
  const jobs = Math.max(1, Math.floor(cores / sideBySide));
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { path, seconds, bytes } = await buildOne(name, common, jobs, folder);
      console.log(`${path}: ${bytes} bytes in ${seconds.toFixed(1)} s`);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
}

/** The names on a command line; all without any. */
export function chosenTargets(names) {
  const unknown = names.filter((name) => !Object.hasOwn(TARGETS, name));
  const known = Object.keys(TARGETS);
  if (unknown.length > 0)
    throw new BuildError(`Expected names out of ${known.join(", ")} but received ${unknown.join(", ")}.`);
  return names.length === 0 ? known : [...new Set(names)];
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    await buildPrebuilds(chosenTargets(process.argv.slice(2)));
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    process.exitCode = 1;
  }
}

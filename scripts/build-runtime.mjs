// Builds a runtime folder from llama.cpp's source, the very one that the prebuilt packages are made of.
// `npm run build:runtime -- --help`
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import {
  addonPath,
  BuildError,
  buildAddon,
  extractLlama,
  missingTools,
  packageFolder,
  root,
  whatIsMissing,
} from "./build-addon.mjs";
import { cmakeEntries, nameOf, parseOptions, SOURCES, TARGET, USAGE } from "./build-runtime/plan.mjs";
import { assertReplaceable, publish } from "./build-runtime/publish.mjs";
import { describeMissing, lookForTools, nvccOf } from "./build-runtime/tools.mjs";

const system = {
  platform: process.platform,
  env: process.env,
  works: (command) => spawnSync(command, ["--version"], { stdio: "ignore", windowsHide: true }).status === 0,
  exists: existsSync,
  read: (path) => readFileSync(path, "utf8"),
  basics: missingTools,
};

try {
  await main();
} catch (error) {
  console.error(
    error instanceof BuildError || error instanceof RangeError || error instanceof TypeError ? error.message : error,
  );
  process.exitCode = 1;
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  const missing = describeMissing(options.backend, lookForTools(options.backend, system), process.platform);
  if (missing !== undefined) throw new BuildError(missing);
  if (!existsSync(join(root, "dist", "src", "native", "runtime-folder.js")))
    throw new BuildError("Checking the runtime needs the built library: run npm run build:ts.");
  if (!existsSync(addonPath)) buildAddon();

  const started = Date.now();
  const name = nameOf(options);
  const output = resolve(options.output ?? join("runtimes", name));
  assertReplaceable(output);
  const build = join(root, "build", "runtime", name);
  compile(extractLlama(join(root, "build", "runtime", "source"), SOURCES), build, options);
  const { version, devices, backendProblem } = publish(build, output);

  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`Built llama.cpp ${version} with the backend ${options.backend} in ${seconds} s: ${output}`);
  console.log(
    `Devices here: ${devices.map(({ name: device, description }) => `${device} (${description})`).join(", ")}`,
  );
  if (backendProblem !== undefined) console.log(`Without a device of that backend here: ${backendProblem}.`);
  console.log(useLine(output));
}

/** Runs cmake through cmake-js, which finds Visual Studio. cmake's output is shown, because this takes minutes. */
function compile(source, build, options) {
  const { platform: os, arch, env } = process;
  const entries = cmakeEntries(options, { os, arch, vulkanSdk: env.VULKAN_SDK });
  const nvcc = options.backend === "cuda" ? nvccOf(system) : undefined;
  const cmakeJs = (command, ...args) => {
    const all = [command, `--directory=${description}`, `--out=${build}`, "--config=Release", ...args];
    const { status, signal, error } = spawnSync(process.execPath, [script, ...all], {
      stdio: ["ignore", 2, 2],
      env: { ...env, ...(nvcc === undefined ? {} : { CUDACXX: nvcc }) },
      windowsHide: true,
    });
    if (status === 0) return;
    throw new BuildError(
      `The build failed (${error?.message ?? signal ?? status}): see cmake's messages above. What was compiled is kept ` +
        `in ${build}; remove it to begin anew.`,
    );
  };
  const description = join(root, "scripts", "build-runtime");
  const missing = whatIsMissing();
  if (missing !== undefined) throw new BuildError(missing);
  const script = join(packageFolder("cmake-js"), "bin", "cmake-js");
  const definitions = { ...entries, STARLING_LLAMA_SOURCE: source.replaceAll("\\", "/") };
  cmakeJs("configure", ...Object.entries(definitions).map(([key, value]) => `--CD${key}=${value}`));
  cmakeJs("build", `--target=${TARGET}`, `--parallel=${availableParallelism()}`);
}

function useLine(folder) {
  if (process.platform === "win32") return `To use it: $env:STARLING_RM_RUNTIME = '${folder}'`;
  return `To use it: export STARLING_RM_RUNTIME='${folder.replaceAll("'", "'\\''")}'`;
}

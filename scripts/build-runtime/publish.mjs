// From a finished build to a runtime folder that is either complete or absent.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError } from "../build-addon.mjs";
import { isRuntimeFile } from "./plan.mjs";

/** Where the generators leave libraries: llama.cpp's own choice, that of Visual Studio below it, and cmake-js's. */
const PLACES = ["bin", join("bin", "Release"), "Release"];

/**
 * Refuses to replace a folder that holds anything but a runtime.
 *
 * @param {string} output
 */
export function assertReplaceable(output) {
  if (!existsSync(output)) return;
  const other = statSync(output).isDirectory() ? readdirSync(output).find((name) => !isRuntimeFile(name)) : "no folder";
  if (other !== undefined)
    throw new BuildError(`${output} holds something other than a runtime (${other}): choose another --output.`);
}

/**
 * Copies a build's libraries into a new folder, opens them there, and gives it its name.
 *
 * @param {string} build cmake's folder
 * @param {string} output replaced if it is there
 * @returns {{ version: string, devices: { name: string, description: string }[], backendProblem?: string }}
 */
export function publish(build, output) {
  assertReplaceable(output);
  mkdirSync(dirname(output), { recursive: true });
  const unique = (what) => join(dirname(output), `.${basename(output)}.${process.pid}.${what}`);
  const [partial, old] = [unique("partial"), unique("old")];
  try {
    mkdirSync(partial);
    let files = 0;
    for (const place of PLACES.map((name) => join(build, name)).filter((path) => existsSync(path))) {
      for (const name of readdirSync(place).filter(isRuntimeFile)) {
        copyFileSync(join(place, name), join(partial, name));
        files += 1;
      }
    }
    if (files === 0) throw new BuildError(`The build left no libraries in ${build}.`);
    const info = probe(partial);
    replace(partial, output, old);
    return info;
  } finally {
    rmSync(partial, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

/** Two renames: the name never belongs to a half-copied folder. */
function replace(partial, output, old) {
  try {
    if (existsSync(output)) renameSync(output, old);
    renameSync(partial, output);
  } catch (cause) {
    if (existsSync(old) && !existsSync(output)) renameSync(old, output);
    throw new BuildError(
      `${output} cannot be replaced (${cause.message}): end the programs that use it, and try again.`,
    );
  }
}

function probe(folder) {
  const script = fileURLToPath(new URL("probe.mjs", import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
  if (status === 0) return JSON.parse(stdout);
  throw new BuildError(`The runtime that was built cannot be used: ${stderr.trim() || signal}`);
}

// Runs npm without a shell: paths with spaces or special characters work, also on Windows.
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";

const CLI = "npm-cli.js";

/** npm's own program, to be run by node. */
export function npmCli() {
  const own = process.env.npm_execpath;
  if (own !== undefined && basename(own) === CLI) return own;
  const node = dirname(process.execPath);
  const candidates = [node, join(node, "..", "lib")].map((folder) => join(folder, "node_modules", "npm", "bin", CLI));
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const link = join(folder, "npm");
    if (existsSync(link)) candidates.push(realpathSync(link));
  }
  const found = candidates.find((path) => basename(path) === CLI && existsSync(path));
  if (found === undefined) throw new Error("npm was not found: put it on the PATH.");
  return found;
}

/** @returns {string} what it printed */
export function npm(args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(process.execPath, [npmCli(), ...args], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    windowsHide: true,
    ...options,
  });
  if (status === 0) return stdout;
  throw new Error(`npm ${args.join(" ")} failed (${status}): ${error?.message ?? `${stdout}\n${stderr}`}`);
}

/** Packs a folder; npm's scripts in it are not run. @returns {string} the tarball's path */
export function packFolder(folder, out) {
  const args = ["pack", folder, "--json", "--ignore-scripts", "--pack-destination", out];
  // From elsewhere: npm refuses to work inside a package that was developed with another package manager.
  const printed = JSON.parse(npm(args, { cwd: out }));
  // npm 12 prints an object by package name where the ones before print a list.
  const [{ filename }] = Array.isArray(printed) ? printed : Object.values(printed);
  return join(out, filename);
}

/** The commands that install a package beside this one, or install it again, in the words of the package manager in use. */
import { existsSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { packageRoot } from "../package-info.ts";

export type PackageManager = "npm" | "pnpm" | "yarn" | "bun" | "deno";

const LOCK_FILES: Readonly<Record<string, PackageManager>> = {
  "package-lock.json": "npm",
  "pnpm-lock.yaml": "pnpm",
  "yarn.lock": "yarn",
  "bun.lock": "bun",
  "bun.lockb": "bun",
  "deno.lock": "deno",
};
const MODULES = `${sep}node_modules${sep}`;

/** The project that this package is installed in; undefined for a checkout, which may be linked to a project. */
function projectOf(root: string): string | undefined {
  const end = root.indexOf(MODULES);
  return end < 0 ? undefined : root.slice(0, end);
}

/** Which package manager installed the package in `root`, by its lock file: the nearest one above counts. */
export function packageManager(
  root: string = packageRoot(),
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): PackageManager {
  if (versions["pnp"] !== undefined) return "yarn";
  for (let folder = projectOf(root) ?? root; ; folder = dirname(folder)) {
    for (const [file, manager] of Object.entries(LOCK_FILES)) if (existsSync(join(folder, file))) return manager;
    if (folder === dirname(folder)) break;
  }
  if (root.includes(`${MODULES}.pnpm${sep}`)) return "pnpm";
  if (versions["bun"] !== undefined) return "bun";
  return versions["deno"] === undefined ? "npm" : "deno";
}

/**
 * Installs a package where the package in `root` finds it.
 *
 * @param name with its version: `@scope/name@1.2.3`
 */
export function installPackage(
  name: string,
  root: string = packageRoot(),
  manager: PackageManager = packageManager(root),
): string {
  const project = projectOf(root);
  // The packages are in the checkout's own package.json.
  if (project === undefined && manager === "npm")
    return `npm install --include=optional --prefix ${JSON.stringify(root)}`;
  if (manager === "deno") return `deno add npm:${name}`;
  if (manager !== "npm") return `${manager} add ${name}`;
  const isGlobal = project !== undefined && !existsSync(join(project, "package.json"));
  return `npm install ${isGlobal ? "--global " : ""}${name}`;
}

/** Whether a folder is inside the archive of an Electron application, or beside it. */
export function isPackaged(folder: string): boolean {
  return /\.asar(?:\.unpacked)?[\\/]/.test(folder);
}

/**
 * A sentence: how to get the files of an installed package again. Most package managers take a folder that is there for a whole
 * one, npm and Yarn even with `--force`, and Bun and Deno have the same damaged file in their caches.
 *
 * @param folder of the package
 */
export function reinstallPackage(folder: string, manager: PackageManager = packageManager(folder)): string {
  if (isPackaged(folder))
    return "Package the application again, with this file outside the archive (docs/electron.md).";
  if (manager === "pnpm") return "Install it again: `pnpm install --force`.";
  if (manager === "bun") return "Install it again: `bun pm cache rm && bun install --force`.";
  if (manager === "deno") return "Install it again: `deno install --reload`.";
  const project = projectOf(folder) ?? folder;
  if (manager === "npm") {
    if (!existsSync(join(project, "package.json")))
      return "Install starling-rm again as you did before, with npm install --global.";
    return `Install it again: delete ${folder} and run \`npm install\` in ${project}.`;
  }
  const installed = process.versions["pnp"] === undefined ? "node_modules" : ".yarn/unplugged";
  return `Install it again: delete the project's ${installed} and run \`yarn install\`.`;
}

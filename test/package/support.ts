/** Packs what would be published and what it depends on, and runs programs that see no compiler. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { npmCli, packFolder } from "../../scripts/npm.mjs";
import { missingPrebuilds, pack, publishedManifest } from "../../scripts/pack.mjs";
import { runtimePackage } from "../../src/native/platforms.ts";
import { packageRoot } from "../../src/package-info.ts";
import type { Manifest, PublishedPackage } from "./registry.ts";

/** What builds native code. None may be found by what is tested. */
export const BUILD_TOOLS = [
  "cc",
  "c++",
  "gcc",
  "g++",
  "clang",
  "clang++",
  "cl",
  "make",
  "ninja",
  "cmake",
  "git",
  "python3",
];

/** The main package with the addon of this platform at least, and the dependencies out of node_modules. */
export function packAll(out: string): PublishedPackage[] {
  const main: Manifest = publishedManifest(missingPrebuilds().length === 0);
  const wanted = [...Object.keys(main.dependencies ?? {}), runtimePackage("cpu")];
  return [{ manifest: main, tarball: pack({ out, allowMissing: true }) }, ...packDependencies(wanted, out)];
}

/** What `npm pack` makes in this checkout, and the dependencies; optional ones that are not packed are of another platform. */
export function packPlain(out: string): PublishedPackage[] {
  const main: Manifest = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  const wanted = [...Object.keys(main.dependencies ?? {}), runtimePackage("cpu")];
  const packages = [{ manifest: main, tarball: packFolder(packageRoot(), out) }, ...packDependencies(wanted, out)];
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  const optional = packages.flatMap(({ manifest }) => Object.entries(manifest.optionalDependencies ?? {}));
  // Yarn 1 reads the platform in the tarball. The name inside does not matter.
  const elsewhere = { name: "elsewhere", version: "1.0.0", os: ["aix"] };
  const folder = join(out, "elsewhere");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify(elsewhere));
  const tarball = packFolder(folder, out);
  const absent = new Map(optional.filter(([name]) => !names.has(name)));
  const others = Array.from(absent, ([name, version]) => ({
    manifest: { ...elsewhere, name, version: version.replace(/^\D+/, "") },
    tarball,
  }));
  return [...packages, ...others];
}

/** Optional dependencies of dependencies, and runtimes for graphics processors (260 MB), are not there: npm goes on. */
function packDependencies(names: readonly (string | undefined)[], out: string): PublishedPackage[] {
  const wanted = names.filter((name) => name !== undefined);
  return dependencyFolders(wanted).map(({ folder, manifest }) => ({ manifest, tarball: packFolder(folder, out) }));
}

export interface InstalledPackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Packages that are installed in this checkout, and what they need; of one name there may be several versions. */
export function dependencyFolders(names: readonly string[]): readonly InstalledPackage[] {
  const found = new Map<string, InstalledPackage>();
  const add = (name: string, from: string): void => {
    const folder = dependencyFolder(name, from);
    if (found.has(folder)) return;
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    found.set(folder, { folder, manifest });
    for (const dependency of Object.keys(manifest.dependencies ?? {})) add(dependency, folder);
  };
  for (const name of names) add(name, packageRoot());
  return [...found.values()];
}

/** As Node finds it: two packages may have different versions of one. */
function dependencyFolder(name: string, from: string): string {
  const folder = join(from, "node_modules", name);
  if (existsSync(folder)) return folder;
  if (from === packageRoot()) throw new Error(`${name} is not installed.`);
  return dependencyFolder(name, dirname(from));
}

/** A PATH with node, what npm starts commands with, and nothing that compiles. */
export function pathWithoutTools(folder: string): string {
  if (process.platform === "win32") return [dirname(process.execPath), "C:\\Windows\\System32"].join(";");
  mkdirSync(folder, { recursive: true });
  symlinkSync(process.execPath, join(folder, "node"));
  // Under /bin on every system that npm supports.
  symlinkSync("/bin/sh", join(folder, "sh"));
  return folder;
}

export const exists = (command: string, path: string): boolean =>
  spawnSync(command, ["--version"], { env: { PATH: path }, stdio: "ignore" }).error === undefined;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Not synchronous: the registry answers from this process. */
export function run(
  args: readonly string[],
  { program = process.execPath, ...options }: { cwd: string; env: NodeJS.ProcessEnv; program?: string },
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}

export const npm = (args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Outcome> =>
  run([npmCli(), ...args], options);

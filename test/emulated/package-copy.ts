/** The package as it is installed on another platform: what it publishes, with that platform's addon and runtime. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { dependencyFolders, type InstalledPackage } from "../package/support.ts";

export const repository = join(import.meta.dirname, "..", "..");
const INSTALLED = join(repository, "node_modules");

/** Where `npm run prebuilds` puts the addon of a platform. */
export const ADDON = (target: string) => join(repository, "prebuilds", target, "starling_rm.node");

export interface PackageCopy {
  /** The addon to use. */
  readonly addon: string;
  /** node_modules with the runtime's package. */
  readonly modules: string;
  /** For example "@node-llama-cpp/win-x64". */
  readonly runtime: string;
  /** Of the runtime's libraries. */
  readonly leaveOut?: (library: string) => boolean;
}

/** Makes the copy in `folder`, which must not exist. */
export function copyPackage(folder: string, { addon, modules, runtime, leaveOut = () => false }: PackageCopy): void {
  for (const name of ["dist", "native/child-process", "models/starling-rm-tiny", "package.json"])
    cpSync(join(repository, name), join(folder, name), { recursive: true });
  mkdirSync(join(folder, "build", "Release"), { recursive: true });
  cpSync(addon, join(folder, "build", "Release", "starling_rm.node"));
  // What is below them is found from where the links lead.
  for (const { folder: target } of dependencies())
    if (!relative(INSTALLED, target).includes("node_modules"))
      link(target, join(folder, "node_modules", relative(INSTALLED, target)));
  const from = join(modules, runtime);
  const to = join(folder, "node_modules", runtime);
  const libraries = join("bins", runtime.slice(runtime.indexOf("/") + 1));
  cpSync(join(from, "package.json"), join(to, "package.json"));
  for (const name of readdirSync(join(from, libraries)))
    if (!leaveOut(name)) link(join(from, libraries, name), join(to, libraries, name));
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** What this package needs, and what that needs. */
export function dependencies(): readonly InstalledPackage[] {
  const { dependencies: names } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  return dependencyFolders(Object.keys(names));
}

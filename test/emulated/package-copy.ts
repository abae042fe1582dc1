/** The package as it is installed on another platform: what it publishes, with that platform's addon and runtime. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

export const repository = join(import.meta.dirname, "..", "..");

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
  for (const name of dependencies()) link(join(repository, "node_modules", name), join(folder, "node_modules", name));
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

/** Names of what this package needs, and of what those need. */
export function dependencies(): Set<string> {
  const found = new Set<string>();
  const add = (manifest: string): void => {
    for (const name of Object.keys(JSON.parse(readFileSync(manifest, "utf8")).dependencies ?? {})) {
      if (found.has(name)) continue;
      found.add(name);
      add(join(repository, "node_modules", name, "package.json"));
    }
  };
  add(join(repository, "package.json"));
  return found;
}

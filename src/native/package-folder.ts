/** Where installed packages are, as Node finds them, also inside an Electron archive. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * The folder of an installed package as seen from `from`. Node's resolver names it, also with Yarn Plug'n'Play and in Deno's
 * cache, which have no node_modules. A package whose entry the resolver does not give (it is for `import` alone, or the file
 * is missing) is looked for in the folders that the resolver searches.
 */
export function packageFolder(name: string, from: string): string | undefined {
  const { resolve } = createRequire(join(from, "package.json"));
  return (
    folderOf(name, () => resolve(name)) ??
    folderOf(name, () => resolve(`${name}/package.json`)) ??
    (resolve.paths(name) ?? []).map((path) => join(path, name)).find((folder) => existsSync(manifestIn(folder)))
  );
}

/** The package that a file belongs to. */
function folderOf(name: string, resolve: () => string): string | undefined {
  let file: string;
  try {
    file = resolve();
  } catch {
    return undefined;
  }
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder))
    if (nameIn(manifestIn(folder)) === name) return folder;
  return undefined;
}

const manifestIn = (folder: string): string => join(folder, "package.json");

function nameIn(manifest: string): unknown {
  try {
    return JSON.parse(readFileSync(manifest, "utf8")).name;
  } catch {
    return undefined;
  }
}

/**
 * Electron shows the files of `app.asar` under virtual paths, which the system's loader cannot open: what `asarUnpack`
 * names is in `app.asar.unpacked` beside it.
 */
export function outsideArchive(path: string, exists: (path: string) => boolean = existsSync): string {
  const unpacked = path.replace(/(\.asar)(?=[\\/])/, "$1.unpacked");
  return exists(unpacked) ? unpacked : path;
}

/** Where installed packages are, as Node finds them, also inside an Electron archive. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The folder of an installed package as seen from `from`: the exports of some packages hide their package.json. */
export function packageFolder(name: string, from: string): string | undefined {
  return modulesFolders(name, from)
    .map((path) => join(path, name))
    .find((folder) => existsSync(join(folder, "package.json")));
}

/** The node_modules folders that Node looks into, nearest first. */
export function modulesFolders(name: string, from: string): readonly string[] {
  return createRequire(join(from, "package.json")).resolve.paths(name) ?? [];
}

/**
 * Electron shows the files of `app.asar` under virtual paths, which the system's loader cannot open: what `asarUnpack`
 * names is in `app.asar.unpacked` beside it.
 */
export function outsideArchive(path: string, exists: (path: string) => boolean = existsSync): string {
  const unpacked = path.replace(/(\.asar)(?=[\\/])/, "$1.unpacked");
  return exists(unpacked) ? unpacked : path;
}

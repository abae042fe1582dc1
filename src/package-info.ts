/** Where this package is, and its version. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NativeError } from "./errors.ts";

const PACKAGE_NAME = "starling-rm";

let root: string | undefined;

/**
 * The folder of this package's package.json, whether this file runs from src/ or from dist/src/.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT when there is none
 */
export function packageRoot(): string {
  root ??= findRoot(here(import.meta.url));
  return root;
}

/** A bundle in CommonJS has no import.meta.url. */
function here(url: string | undefined): string {
  if (url === undefined) throw filesMissing("this file");
  return dirname(fileURLToPath(url));
}

/** This package's version, for example "0.1.0". */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version;
}

/** @internal Exported for its tests. */
export function findRoot(start: string): string {
  for (let folder = start; ; ) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === PACKAGE_NAME) return folder;
    const parent = dirname(folder);
    if (parent === folder) throw filesMissing(start);
    folder = parent;
  }
}

function filesMissing(start: string): NativeError {
  return new NativeError(
    "ERR_ADDON_NOT_BUILT",
    `${PACKAGE_NAME} finds none of its files from ${start}. It cannot be bundled: mark ${PACKAGE_NAME} as external ` +
      `(esbuild --external:${PACKAGE_NAME}).`,
  );
}

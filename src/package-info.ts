/** What the package says of itself. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root, whether this file runs from src/ or from dist/src/. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** This package's version, for example "0.1.0". */
export function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8"));
  return version;
}

/** Finds and opens the native addon. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NativeError } from "../errors.ts";
import { CONTRACT_VERSION, type NativeAddon } from "./addon.ts";
import { unpacked } from "./unpacked.ts";

const PACKAGE_NAME = "starling-rm";
const ADDON_FILE = join("build", "Release", "starling_rm.node");

let loaded: NativeAddon | undefined;

/**
 * The addon of this package, opened once per thread.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT with the command that mends it
 */
export function loadAddon(): NativeAddon {
  loaded ??= openAddon(packageRoot());
  return loaded;
}

/** The folder of this package's package.json: two levels above src/native, three above dist/src/native. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === PACKAGE_NAME) return folder;
    const parent = dirname(folder);
    if (parent === folder)
      throw new NativeError("ERR_ADDON_NOT_BUILT", `The package ${PACKAGE_NAME} has lost its package.json.`);
    folder = parent;
  }
}

/** Where the addon of the package in the folder `root` lies. */
export function addonPath(root: string = packageRoot()): string {
  return unpacked(join(root, ADDON_FILE));
}

/** @internal Exported for its tests. */
export function openAddon(root: string): NativeAddon {
  const path = addonPath(root);
  if (!existsSync(path)) throw notBuilt(root, `The native addon ${path} does not exist`);
  let addon: Partial<NativeAddon>;
  try {
    addon = createRequire(import.meta.url)(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw notBuilt(root, `The native addon ${path} does not load here (${reason.trim()})`, cause);
  }
  if (addon.contractVersion !== CONTRACT_VERSION)
    throw notBuilt(
      root,
      `The native addon ${path} was built for another version of this package (${addon.contractVersion} instead of ${CONTRACT_VERSION})`,
    );
  return addon as NativeAddon;
}

/** The command that builds the addon. Not `npm rebuild`: npm may hold back the install scripts of dependencies there, too. */
export function buildCommand(root: string = packageRoot()): string {
  return `node ${JSON.stringify(join(root, "scripts", "build-addon.mjs"))}`;
}

function notBuilt(root: string, problem: string, cause?: unknown): NativeError {
  const command = buildCommand(root);
  return new NativeError(
    "ERR_ADDON_NOT_BUILT",
    `${problem}: run \`${command}\`; it names any tool that is missing.`,
    cause === undefined ? {} : { cause },
  );
}

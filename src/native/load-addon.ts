/** Finds and opens the native addon. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { NativeError } from "../errors.ts";
import { packageRoot } from "../package-info.ts";
import { CONTRACT_VERSION, type NativeAddon } from "./addon.ts";
import {
  ADDON_NAME,
  currentTarget,
  describeTarget,
  findInstalledAddon,
  installedAddonPackages,
  pinnedAddonPackage,
} from "./addon-package.ts";
import { explainOnMac } from "./explain-mac.ts";
import { outsideArchive } from "./package-folder.ts";

const ADDON_FILE = join("build", "Release", ADDON_NAME);

let loaded: NativeAddon | undefined;

/**
 * The addon of this package, opened once per thread.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT with the command that fixes it
 */
export function loadAddon(): NativeAddon {
  loaded ??= openAddon(packageRoot());
  return loaded;
}

/** The addon, if this thread has opened it. */
export function addonIfLoaded(): NativeAddon | undefined {
  return loaded;
}

/**
 * The addon of the package in the folder `root`; undefined if there is none. Your own build takes precedence: in a
 * checkout it is the only one, and elsewhere you compiled it on purpose.
 */
export function addonPath(root: string = packageRoot()): string | undefined {
  const own = join(root, ADDON_FILE);
  const found = existsSync(own) ? own : findInstalledAddon(root);
  return found === undefined ? undefined : outsideArchive(found);
}

/** @internal Exported for its tests. */
export function openAddon(root: string): NativeAddon {
  const path = addonPath(root);
  if (path === undefined) throw notBuilt(root, nothingFits(root));
  let addon: Partial<NativeAddon>;
  try {
    addon = createRequire(import.meta.url)(path);
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).trim();
    const onMac = explainOnMac(reason, root, "Install the packages again with the Node that runs them.");
    if (onMac !== undefined) throw doesNotLoad(path, onMac, cause);
    throw notBuilt(root, `The native addon ${path} does not load (${reason})`, cause);
  }
  if (addon.contractVersion !== CONTRACT_VERSION)
    throw notBuilt(
      root,
      `The native addon ${path} has interface version ${addon.contractVersion}; this version of the package needs ${CONTRACT_VERSION}`,
    );
  return addon as NativeAddon;
}

/** Building it again would not help. */
function doesNotLoad(path: string, why: string, cause: unknown): NativeError {
  return new NativeError("ERR_ADDON_NOT_BUILT", `The native addon ${path} does not load: ${why}`, { cause });
}

function nothingFits(root: string): string {
  const others = installedAddonPackages(root);
  const here = describeTarget(currentTarget());
  if (others.length === 0) return `There is no native addon for ${here} beside ${root}`;
  return `There is no native addon for ${here} beside ${root}, only ${others.join(", ")}, as if node_modules had been installed on another platform`;
}

/** The command that builds the addon. Not `npm rebuild`: npm may block dependencies' install scripts there, too. */
export function buildCommand(root: string = packageRoot()): string {
  return `node ${JSON.stringify(join(root, "scripts", "build-addon.mjs"))}`;
}

function notBuilt(root: string, problem: string, cause?: unknown): NativeError {
  const pinned = pinnedAddonPackage(root);
  const prebuilt = pinned === undefined ? "" : `run \`npm install ${pinned}\`, or, to compile it, `;
  const command = buildCommand(root);
  return new NativeError(
    "ERR_ADDON_NOT_BUILT",
    `${problem}: ${prebuilt}run \`${command}\`; it reports any missing tools.`,
    cause === undefined ? {} : { cause },
  );
}

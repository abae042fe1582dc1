/** Finds and opens the native addon. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { NativeError } from "../errors.ts";
import { systemReason } from "../files/system-errors.ts";
import { packageRoot } from "../package-info.ts";
import { CONTRACT_VERSION, type NativeAddon } from "./addon.ts";
import { explainOnMac } from "./explain-mac.ts";
import { fits, platformName, readLibc, readLibraryKind } from "./library-format.ts";
import { outsideArchive } from "./package-folder.ts";
import { ADDON_NAME, type AddonTarget, currentTarget, prebuildName, prebuildPath, prebuildsIn } from "./prebuilds.ts";

const OWN_BUILD = join("build", "Release", ADDON_NAME);

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

/** What {@link findAddon} chose. */
export interface FoundAddon {
  /** Undefined if nothing fits. */
  readonly path: string | undefined;
  /** Why your own build was passed by, if there is one: a sentence without its full stop. */
  readonly passedBy?: string;
}

/**
 * The addon of the package in `root` for a platform. Your own build takes precedence: in a checkout it is the newest, and
 * elsewhere you compiled it on purpose. One that was made for another platform is passed by; folders are copied.
 */
export function findAddon(root: string = packageRoot(), target: AddonTarget = currentTarget()): FoundAddon {
  const own = outsideArchive(join(root, OWN_BUILD));
  const hasOwn = existsSync(own);
  const passedBy = hasOwn ? whyNotHere(own, target) : undefined;
  if (hasOwn && passedBy === undefined) return { path: own };
  const prebuilt = outsideArchive(prebuildPath(root, prebuildName(target)));
  const path = existsSync(prebuilt) ? prebuilt : undefined;
  return passedBy === undefined ? { path } : { path, passedBy };
}

/** The path alone. */
export function addonPath(root: string = packageRoot()): string | undefined {
  return findAddon(root).path;
}

/** Why a file is not for a platform; undefined where it is, or may be. */
function whyNotHere(path: string, target: AddonTarget): string | undefined {
  try {
    const kind = readLibraryKind(path);
    if (kind === undefined) return `${path} is not a shared library, or is damaged`;
    if (!fits(kind, target))
      return `${path} was built for ${platformName(kind.os, kind.archs)}, but this is ${describe(target)}`;
    const libc = target.libc === undefined ? undefined : readLibc(path);
    if (libc === undefined || libc === target.libc) return undefined;
    return `${path} was built for ${libc}, but this is ${describe(target)}`;
  } catch (error) {
    return `${path} cannot be read (${systemReason(error)})`;
  }
}

/** @internal Exported for its tests. */
export function openAddon(root: string, target: AddonTarget = currentTarget()): NativeAddon {
  const { path, passedBy } = findAddon(root, target);
  if (path === undefined) throw notBuilt(root, nothingFits(root, target, passedBy));
  let addon: Partial<NativeAddon>;
  try {
    addon = createRequire(join(root, "package.json"))(path);
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

function nothingFits(root: string, target: AddonTarget, passedBy: string | undefined): string {
  const others = prebuildsIn(root);
  const found = others.length === 0 ? "none for any platform" : `only for ${others.join(", ")}`;
  const missing = `There is no native addon for ${describe(target)} in ${root}, ${found}`;
  return passedBy === undefined ? missing : `${missing}; ${passedBy}`;
}

/** "Linux on x64 (glibc)" */
function describe({ os, arch, libc }: AddonTarget): string {
  return `${platformName(os, [arch])}${libc === undefined ? "" : ` (${libc})`}`;
}

/** The command that builds the addon. Not `npm rebuild`: npm may block dependencies' install scripts there, too. */
export function buildCommand(root: string = packageRoot()): string {
  return `node ${JSON.stringify(join(root, "scripts", "build-addon.mjs"))}`;
}

function notBuilt(root: string, problem: string, cause?: unknown): NativeError {
  return new NativeError(
    "ERR_ADDON_NOT_BUILT",
    `${problem}: run \`${buildCommand(root)}\`; it reports any missing tools.`,
    cause === undefined ? {} : { cause },
  );
}

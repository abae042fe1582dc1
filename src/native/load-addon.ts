/** Finds and opens the native addon. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { NativeError } from "../errors.ts";
import { packageRoot } from "../package-info.ts";
import { CONTRACT_VERSION, type NativeAddon } from "./addon.ts";
import { type AddonProblem, fileProblem, sentenceOf, withAdvice } from "./addon-problems.ts";
import { explainOnMac } from "./explain-mac.ts";
import { describePlatform } from "./library-format.ts";
import { outsideArchive } from "./package-folder.ts";
import { ADDON_NAME, type AddonTarget, currentTarget, prebuildName, prebuildPath, prebuildsIn } from "./prebuilds.ts";

const OWN_BUILD = join("build", "Release", ADDON_NAME);

/** An addon that was opened. */
export interface OpenedAddon {
  readonly addon: NativeAddon;
  readonly path: string;
  /** Why your own build was passed by, if there is one: a sentence. */
  readonly passedBy?: string;
}

let loaded: OpenedAddon | undefined;

/**
 * The addon of this package, opened once per thread.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT with the command that fixes it
 */
export function loadAddon(): NativeAddon {
  return openedAddon().addon;
}

/** The same with its file. */
export function openedAddon(): OpenedAddon {
  loaded ??= openAddon(packageRoot());
  return loaded;
}

/** The addon, if this thread has opened it. */
export function addonIfLoaded(): NativeAddon | undefined {
  return loaded?.addon;
}

/** The addon's file: the one that this thread has opened, or else would try first. Undefined if nothing fits. */
export function addonPath(): string | undefined {
  return loaded?.path ?? findAddon();
}

/** The first addon of the package in `root` whose file is for a platform and not damaged. */
export function findAddon(root: string = packageRoot(), target: AddonTarget = currentTarget()): string | undefined {
  return candidates(root, target).find((path) => fileProblem(path, target) === undefined);
}

/**
 * Your own build takes precedence: in a checkout it is the newest, and elsewhere you compiled it on purpose. One that does not
 * fit is passed by: folders are copied to other machines, and `npm pack` takes it along.
 */
function candidates(root: string, target: AddonTarget): string[] {
  return [join(root, OWN_BUILD), prebuildPath(root, prebuildName(target))]
    .map((path) => outsideArchive(path))
    .filter((path) => existsSync(path));
}

/**
 * @internal Exported for its tests and scripts/install.mjs.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT
 */
export function openAddon(root: string, target: AddonTarget = currentTarget()): OpenedAddon {
  const problems: AddonProblem[] = [];
  for (const path of candidates(root, target)) {
    const found = fileProblem(path, target) ?? open(path, root);
    if ("addon" in found)
      return problems.length === 0 ? found : { ...found, passedBy: problems.map(sentenceOf).join(" ") };
    problems.push(found);
  }
  const prebuilt = outsideArchive(prebuildPath(root, prebuildName(target)));
  const sentences = problems.map(sentenceOf);
  if (!problems.some(({ path }) => path === prebuilt)) sentences.push(noneFor(root, target, problems.length > 0));
  const [cause] = problems.flatMap((problem) => problem.cause ?? []);
  throw new NativeError(
    "ERR_ADDON_NOT_BUILT",
    withAdvice(sentences.join(" "), root, target, problems, prebuilt),
    cause === undefined ? {} : { cause },
  );
}

/** The file is read before: a truncated one would end the process here. */
function open(path: string, root: string): OpenedAddon | AddonProblem {
  try {
    const addon: Partial<NativeAddon> = createRequire(join(root, "package.json"))(path);
    if (addon.contractVersion === CONTRACT_VERSION) return { addon: addon as NativeAddon, path };
    const what = `has interface version ${addon.contractVersion}; this version of the package needs ${CONTRACT_VERSION}`;
    return { path, what, kind: "stale" };
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).trim();
    const onMac = explainOnMac(reason, root, "Install the packages again with the Node that runs them.");
    if (onMac !== undefined) return { path, what: `does not load: ${onMac}`, kind: "explained", cause };
    return { path, what: `does not load (${reason})`, kind: "unloadable", cause };
  }
}

function noneFor(root: string, target: AddonTarget, isAnother: boolean): string {
  const others = prebuildsIn(root);
  const found = others.length === 0 ? "none for any platform" : `only for ${others.join(", ")}`;
  return `There is no ${isAnother ? "other" : "native addon"} for ${describePlatform(target)} in ${root}, ${found}.`;
}

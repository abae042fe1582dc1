/** What can be wrong with an addon's file, and how to get a right one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDenied, systemReason } from "../files/system-errors.ts";
import { isPackaged, reinstallPackage } from "./install-command.ts";
import { findLibraryProblem, type LibraryProblem } from "./library-format.ts";
import { type AddonTarget, PREBUILD_NAMES, prebuildName } from "./prebuilds.ts";

export interface AddonProblem {
  readonly path: string;
  /** A clause that follows the path. */
  readonly what: string;
  /** "explained": the clause says what to do. "stale": it is not of this version of the package. */
  readonly kind: LibraryProblem["kind"] | "unreadable" | "unloadable" | "stale" | "explained";
  readonly cause?: unknown;
}

/** Why a file cannot be the addon for a platform; undefined where it may be. It is not opened. */
export function fileProblem(path: string, target: AddonTarget): AddonProblem | undefined {
  try {
    const problem = findLibraryProblem(path, target);
    return problem === undefined ? undefined : { path, ...problem };
  } catch (cause) {
    const what = `cannot be read: ${systemReason(cause)}`;
    if (!isDenied(cause)) return { path, what, kind: "unreadable", cause };
    const advice = `Run \`chmod a+r ${JSON.stringify(path)}\` as its owner.`;
    return { path, what: `${what}. ${advice}`, kind: "explained", cause };
  }
}

export function sentenceOf({ path, what }: AddonProblem): string {
  return `The native addon ${path} ${what}${what.endsWith(".") ? "" : "."}`;
}

/**
 * What is wrong with the addons of the package in `root`, none of which opens here, and what to do.
 *
 * @param sentences about the files that it has, or has not
 * @param prebuilt where it has the prebuilt one
 */
export function withAdvice(
  sentences: string,
  root: string,
  target: AddonTarget,
  problems: readonly AddonProblem[],
  prebuilt: string,
): string {
  if (problems.some(({ kind }) => kind === "explained")) return sentences;
  if (isPackaged(root)) return `${sentences} ${reinstallPackage(root)}`;
  const build = `run \`${buildCommand(root)}\`; it reports any missing tools.`;
  const wasBuiltHere = existsSync(join(root, "src")) || existsSync(join(root, "build", "addon"));
  const isLost =
    problems.length === 0
      ? PREBUILD_NAMES.includes(prebuildName(target)) && hasAllPrebuilds(root)
      : problems.some(({ path, kind }) => comesAgain[kind] && (path === prebuilt || kind !== "foreign"));
  if (!isLost || wasBuiltHere) return `${sentences.replace(/\.$/, "")}: ${build}`;
  const again = `${sentences} ${reinstallPackage(root)}`;
  const isOwnOnly = problems.length > 0 && problems.every(({ path }) => path !== prebuilt);
  return isOwnOnly ? `${again.replace(/\.$/, "")}, or ${build}` : again;
}

/** Whether a whole package would have another file in its place; else that has to be built here. */
const comesAgain: Readonly<Record<AddonProblem["kind"], boolean>> = {
  damaged: true,
  unreadable: true,
  stale: true,
  foreign: true,
  unloadable: false,
  explained: false,
};

/** `npm run pack` takes the scripts out of a package for all platforms; a plain `npm pack` has the addon of one. */
function hasAllPrebuilds(root: string): boolean {
  try {
    return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts === undefined;
  } catch {
    return false;
  }
}

/** The command that builds the addon. Not `npm rebuild`: npm may block dependencies' install scripts there, too. */
function buildCommand(root: string): string {
  return `node ${JSON.stringify(join(root, "scripts", "build-addon.mjs"))}`;
}

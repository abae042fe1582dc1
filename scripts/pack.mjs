// Makes the tarball that is published: build/packages/starling-rm-VERSION.tgz. Run by `npm run pack`, after `npm run build:ts`.
// It has what `npm pack` has, without the scripts that need a checkout and without the addon that was built here, and is made only
// of a whole set of prebuilt addons. Such a package needs no install script: package managers block those, and pnpm then fails.
// Usage: npm run pack [-- --out FOLDER] [--allow-missing]   --allow-missing: for this machine; the addon that was built here
//   takes the place of a missing prebuilt one.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { currentTarget, PREBUILD_NAMES, prebuildName, prebuildPath } from "../dist/src/native/prebuilds.js";
import { addonPath } from "./build-addon.mjs";
import { npm, packFolder } from "./npm.mjs";
import { assertPrebuilt } from "./prebuilds/check.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where tarballs go. */
export const packagesFolder = join(root, "build", "packages");

/**
 * The package.json that is published.
 *
 * @param {boolean} complete whether the package has the addons of all platforms: if not, one is built where none fits
 */
export function publishedManifest(complete = true) {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  // devDependencies stay: build-addon.mjs reads there what a build needs. The scripts need a checkout.
  delete manifest.scripts;
  if (!complete) manifest.scripts = { install: "node scripts/install.mjs" };
  delete manifest.allowScripts;
  manifest.files = manifest.files.filter((path) => path !== OWN_BUILD);
  return manifest;
}

/** The addon of this machine, in `npm pack`'s tarballs only. */
const OWN_BUILD = "build/Release/starling_rm.node";

/** The platforms that no prebuilt addon was made for. */
export function missingPrebuilds(folder = root) {
  return PREBUILD_NAMES.filter((name) => !existsSync(prebuildPath(folder, name)));
}

/** @throws Error naming the platforms that are missing */
export function assertComplete(missing) {
  if (missing.length === 0) return;
  throw new Error(
    `Expected prebuilt addons for all platforms but these are missing: ${missing.join(", ")}. Run npm run prebuilds, or ` +
      "pass --allow-missing to make a package for this machine.",
  );
}

/**
 * @param {{ out?: string, allowMissing?: boolean }} options
 * @returns {string} the tarball's path
 */
export function pack({ out = packagesFolder, allowMissing = false } = {}) {
  const missing = missingPrebuilds();
  if (!allowMissing) assertComplete(missing);
  for (const name of PREBUILD_NAMES.filter((one) => !missing.includes(one))) {
    const path = prebuildPath(root, name);
    assertPrebuilt(name, readFileSync(path), path);
  }
  const stage = join(root, "build", `package-${process.pid}`);
  try {
    const printed = JSON.parse(npm(["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root }));
    const [{ files }] = Array.isArray(printed) ? printed : Object.values(printed);
    for (const { path } of files) if (path !== OWN_BUILD) cpSync(join(root, path), join(stage, path));
    const here = prebuildName(currentTarget());
    if (missing.includes(here) && existsSync(addonPath)) cpSync(addonPath, prebuildPath(stage, here));
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(publishedManifest(missing.length === 0), null, 2)}\n`);
    mkdirSync(out, { recursive: true });
    return packFolder(stage, out);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const { values } = parseArgs({
    options: { out: { type: "string", default: packagesFolder }, "allow-missing": { type: "boolean", default: false } },
  });
  try {
    console.log(pack({ out: resolve(values.out), allowMissing: values["allow-missing"] }));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

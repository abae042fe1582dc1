// Makes the tarball that is published: build/packages/starling-rm-VERSION.tgz. Run by `npm run pack`, after `npm run build:ts`.
// It differs from `npm pack` only in package.json, which names the addon packages. A checkout cannot name them, because
// `npm ci` would look for versions that are published only later.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ADDON_TARGETS, addonPackage } from "../dist/src/native/addon-package.js";
import { npm, packFolder } from "./npm.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where tarballs go. */
export const packagesFolder = join(root, "build", "packages");

/** The package.json that is published. */
export function publishedManifest() {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const addons = Object.fromEntries(ADDON_TARGETS.map((target) => [addonPackage(target), manifest.version]));
  manifest.optionalDependencies = { ...manifest.optionalDependencies, ...addons };
  // devDependencies stay: build-addon.mjs reads there what a build needs. The other scripts need a checkout.
  manifest.scripts = { install: manifest.scripts.install };
  delete manifest.allowScripts;
  return { ...manifest, ...repositoryField() };
}

/** npm's provenance needs the repository of the build; its name is known only there. */
export function repositoryField() {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
  if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY) return {};
  return { repository: { type: "git", url: `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git` } };
}

/** @returns {string} the tarball's path */
export function pack(out = packagesFolder) {
  const stage = join(root, "build", `package-${process.pid}`);
  try {
    const printed = JSON.parse(npm(["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root }));
    const [{ files }] = Array.isArray(printed) ? printed : Object.values(printed);
    for (const { path } of files) cpSync(join(root, path), join(stage, path));
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
    mkdirSync(out, { recursive: true });
    return packFolder(stage, out);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const { values } = parseArgs({ options: { out: { type: "string", default: packagesFolder } } });
  console.log(pack(resolve(values.out)));
}

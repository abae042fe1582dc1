// Makes the package with the prebuilt addon of one platform: build/packages/starling-rm-addon-OS-CPU[-LIBC]-VERSION.tgz. Run by
// `npm run pack:addon`, after `npm run build`.
// Usage: node scripts/make-addon-package.mjs [--out FOLDER] [--addon FILE] [--os OS --cpu CPU [--libc LIBC]]
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ADDON_NAME, addonPackage, currentTarget, describeTarget } from "../dist/src/native/addon-package.js";
import { packFolder } from "./npm.mjs";
import { packagesFolder, repositoryField } from "./pack.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const builtAddon = join(root, "build", "Release", ADDON_NAME);
/** Parts of node-addon-api are compiled into the addon. */
const THEIR_LICENSE = "LICENSE.node-addon-api.md";

/** The package.json of the addon for a target. */
export function addonManifest(target) {
  const name = addonPackage(target);
  if (name === undefined)
    throw new Error(
      `${describeTarget(target)} is not in ADDON_TARGETS (src/native/addon-package.ts): add it there first.`,
    );
  const { version, license, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    name,
    version,
    description: `The native addon of starling-rm for ${describeTarget(target)}. Installed by starling-rm itself.`,
    license,
    ...repositoryField(),
    engines,
    os: [target.os],
    cpu: [target.cpu],
    ...(target.libc === undefined ? {} : { libc: [target.libc] }),
    // For Yarn: a file that is opened by its path cannot stay in an archive.
    preferUnplugged: true,
    exports: { [`./${ADDON_NAME}`]: `./${ADDON_NAME}`, "./package.json": "./package.json" },
    files: [ADDON_NAME, THEIR_LICENSE],
  };
}

/** @returns {string} the tarball's path */
export function packAddon({ target = currentTarget(), addon = builtAddon, out = packagesFolder } = {}) {
  if (!existsSync(addon)) throw new Error(`${addon} does not exist: run npm run build:addon.`);
  const manifest = addonManifest(target);
  const stage = join(root, "build", `addon-package-${process.pid}`);
  try {
    mkdirSync(stage, { recursive: true });
    mkdirSync(out, { recursive: true });
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    writeFileSync(join(stage, "README.md"), `# ${manifest.name}\n\n${manifest.description}\n`);
    copyFileSync(addon, join(stage, ADDON_NAME));
    copyFileSync(join(root, "LICENSE"), join(stage, "LICENSE"));
    copyFileSync(join(root, "node_modules", "node-addon-api", "LICENSE.md"), join(stage, THEIR_LICENSE));
    return packFolder(stage, out);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const text = { type: "string" };
  const { values } = parseArgs({ options: { out: text, addon: text, os: text, cpu: text, libc: text } });
  const { os, cpu, libc } = values;
  const target = os === undefined ? currentTarget() : { os, cpu, ...(libc === undefined ? {} : { libc }) };
  const paths = Object.fromEntries(
    Object.entries({ addon: values.addon, out: values.out }).flatMap(([key, path]) =>
      path ? [[key, resolve(path)]] : [],
    ),
  );
  console.log(packAddon({ target, ...paths }));
}

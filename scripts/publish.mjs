// Publishes the tarballs of build/packages, addons first: a main package published before them would be installed without
// them. Safe to run again after a failure: versions already published are skipped.
// Usage: node scripts/publish.mjs [--dry-run]
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ADDON_TARGETS, addonPackage } from "../dist/src/native/addon-package.js";
import { npm } from "./npm.mjs";
import { packagesFolder } from "./pack.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } });

const tarballOf = (package_) => join(packagesFolder, `${package_.replace("@", "").replace("/", "-")}-${version}.tgz`);
const names = [...ADDON_TARGETS.map(addonPackage), name];
const missing = names.map(tarballOf).filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`These are missing: ${missing.join(", ")}. All platforms are published, or none.`);
  process.exit(1);
}

function isPublished(package_) {
  try {
    return npm(["view", `${package_}@${version}`, "version"]).trim() === version;
  } catch (error) {
    if (String(error.message).includes("E404")) return false;
    throw error;
  }
}

for (const package_ of names) {
  if (isPublished(package_)) {
    console.log(`${package_}@${version} is published already.`);
    continue;
  }
  const how = values["dry-run"] ? ["--dry-run"] : ["--provenance"];
  npm(["publish", tarballOf(package_), "--access", "public", ...how]);
  console.log(`${package_}@${version}${values["dry-run"] ? " would be" : " is"} published.`);
}

// Publishes the tarball of build/packages. Safe to run again after a failure: a version already published is skipped.
// Usage: node scripts/publish.mjs [--dry-run]
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { npm } from "./npm.mjs";
import { packagesFolder } from "./pack.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } });

const tarball = join(packagesFolder, `${name}-${version}.tgz`);
if (!existsSync(tarball)) {
  console.error(`${tarball} is missing: run npm run pack.`);
  process.exit(1);
}

function isPublished() {
  try {
    return npm(["view", `${name}@${version}`, "version"]).trim() === version;
  } catch (error) {
    if (String(error.message).includes("E404")) return false;
    throw error;
  }
}

if (isPublished()) console.log(`${name}@${version} is published already.`);
else {
  const how = values["dry-run"] ? ["--dry-run"] : ["--provenance"];
  npm(["publish", tarball, "--access", "public", ...how]);
  console.log(`${name}@${version}${values["dry-run"] ? " would be" : " is"} published.`);
}

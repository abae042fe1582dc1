// Fetches other versions of Node for test/native/hosts.test.ts: the packages node-OS-CPU of the npm registry hold its
// binaries. Kept in build/hosts, 185 MB each. Run by `npm run hosts`. Linux and macOS.
import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "./npm.mjs";

/** The last versions that Node's own packages had when this was written. */
export const HOST_VERSIONS = ["22.23.3", "24.21.0"];

const hosts = join(dirname(dirname(fileURLToPath(import.meta.url))), "build", "hosts");

/** Path of a version's executable once it is fetched. */
export function hostPath(version) {
  const name = `node-${process.platform}-${process.arch}`;
  return join(hosts, version, "node_modules", name, "bin", "node");
}

function fetchHost(version) {
  const path = hostPath(version);
  if (existsSync(path)) return path;
  const folder = join(hosts, version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const name = `node-${process.platform}-${process.arch}@${version}`;
  npm(["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", name]);
  chmodSync(path, 0o755);
  return path;
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1])
  for (const version of HOST_VERSIONS) console.log(fetchHost(version));

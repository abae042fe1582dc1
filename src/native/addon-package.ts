/** The packages that hold the prebuilt addon, one for each platform. Published with this package, pinned to its version. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { modulesFolders, packageFolder } from "./package-folder.ts";
import { glibcVersion } from "./platforms.ts";

/** In the words of package.json's `os`, `cpu` and `libc`. */
export interface AddonTarget {
  readonly os: string;
  readonly cpu: string;
  /** Only on Linux. */
  readonly libc?: "glibc" | "musl";
}

/** What .github/workflows/prebuilds.yml builds. */
export const ADDON_TARGETS: readonly AddonTarget[] = [
  { os: "linux", cpu: "x64", libc: "glibc" },
  { os: "linux", cpu: "arm64", libc: "glibc" },
  { os: "linux", cpu: "x64", libc: "musl" },
  { os: "linux", cpu: "arm64", libc: "musl" },
  { os: "darwin", cpu: "arm64" },
  { os: "darwin", cpu: "x64" },
  { os: "win32", cpu: "x64" },
  { os: "win32", cpu: "arm64" },
];

export const ADDON_NAME = "starling_rm.node";

const SCOPE = "@starling-rm";
const PREFIX = "addon-";

/** `@starling-rm/addon-linux-x64-gnu`, or undefined where none is built. */
export function addonPackage({ os, cpu, libc }: AddonTarget): string | undefined {
  if (!ADDON_TARGETS.some((target) => target.os === os && target.cpu === cpu && target.libc === libc)) return undefined;
  const suffix = libc === undefined ? "" : libc === "glibc" ? "-gnu" : "-musl";
  return `${SCOPE}/${PREFIX}${os}-${cpu}${suffix}`;
}

/** Where this process runs. */
export function currentTarget(): AddonTarget {
  const { platform: os, arch: cpu } = process;
  return os === "linux" ? { os, cpu, libc: currentLibc() } : { os, cpu };
}

function currentLibc(): "glibc" | "musl" {
  return process.report === undefined || glibcVersion() !== undefined ? "glibc" : "musl";
}

/** The installed addon for this platform, as seen from the package in `root`. */
export function findInstalledAddon(root: string): string | undefined {
  const name = addonPackage(currentTarget());
  const folder = name === undefined ? undefined : packageFolder(name, root);
  if (folder === undefined) return undefined;
  const path = join(folder, ADDON_NAME);
  return existsSync(path) ? path : undefined;
}

/** `name@version` of the package to install here, if the package in `root` is a published one that pins it. */
export function pinnedAddonPackage(root: string): string | undefined {
  const name = addonPackage(currentTarget());
  const file = join(root, "package.json");
  if (name === undefined || !existsSync(file)) return undefined;
  const version = JSON.parse(readFileSync(file, "utf8")).optionalDependencies?.[name];
  return version === undefined ? undefined : `${name}@${version}`;
}

/** Addon packages of any platform that are installed: those of others show that a folder came from elsewhere. */
export function installedAddonPackages(root: string): string[] {
  return modulesFolders(SCOPE, root).flatMap((modules) => {
    const folder = join(modules, SCOPE);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => `${SCOPE}/${name}`);
  });
}

/** For messages: `linux on x64 (glibc)`. */
export function describeTarget({ os, cpu, libc }: AddonTarget): string {
  return `${os} on ${cpu}${libc === undefined ? "" : ` (${libc})`}`;
}

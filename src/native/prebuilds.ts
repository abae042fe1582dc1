/** The addons that the package carries, one for each platform: `prebuilds/NAME/starling_rm.node`. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { currentLibc, type Libc } from "./platforms.ts";

/** In the words of `process.platform` and `process.arch`. */
export interface AddonTarget {
  readonly os: string;
  readonly arch: string;
  /** Only on Linux. */
  readonly libc?: Libc;
}

/** What `npm run prebuilds` builds. */
export const PREBUILD_NAMES: readonly string[] = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-arm64",
  "darwin-x64",
  "win32-x64",
  "win32-arm64",
];

export const ADDON_NAME = "starling_rm.node";
const FOLDER = "prebuilds";
const MUSL = "-musl";

/** `linux-x64-musl` */
export function prebuildName({ os, arch, libc }: AddonTarget): string {
  return `${os}-${arch}${libc === "musl" ? MUSL : ""}`;
}

/** Where the package in `root` has the addon for a platform, if it has it. */
export function prebuildPath(root: string, name: string): string {
  return join(root, FOLDER, name, ADDON_NAME);
}

/** The names of the platforms that the package in `root` has an addon for. */
export function prebuildsIn(root: string): string[] {
  const folder = join(root, FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(prebuildPath(root, name)))
    .sort();
}

/** Where this process runs. */
export function currentTarget(): AddonTarget {
  const { platform: os, arch } = process;
  return os === "linux" ? { os, arch, libc: currentLibc() } : { os, arch };
}

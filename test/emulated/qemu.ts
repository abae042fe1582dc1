/**
 * Runs programs for Linux on arm64 through qemu's user mode: Node from `npm run hosts`, with the C library of Debian's cross
 * packages.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { hasHost, hostPath } from "../../scripts/fetch-hosts.mjs";
import { ADDON } from "./package-copy.ts";
import type { Ended } from "./wine.ts";

const EMULATOR = "/usr/bin/qemu-aarch64-static";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const PACKAGES =
  "qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross libgomp1-arm64-cross libatomic1-arm64-cross";
/** Of a program that is not given more. */
const MAX_RUN_MS = 240_000;

/** What is missing to run `host`, and the command that brings it; undefined where nothing is. */
export function missingForArm64(host: string): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "qemu is only used on Linux on x64";
  if (!existsSync(EMULATOR)) return `qemu is not installed: apt-get install --no-install-recommends ${PACKAGES}`;
  if (
    !["libc.so.6", "libstdc++.so.6", "libgomp.so.1", "libatomic.so.1"].every((name) =>
      existsSync(`${LIBRARIES}/lib/${name}`),
    )
  )
    return `the C library for arm64 is not installed: apt-get install --no-install-recommends ${PACKAGES}`;
  if (!hasHost(host)) return `Node for arm64 is not here: npm run hosts -- ${host} fetches it`;
  if (!existsSync(ADDON("linux-arm64")))
    return "the addon for arm64 is not built: npm run prebuilds -- linux-arm64 builds it";
  return undefined;
}

/**
 * Makes programs for arm64 start by themselves, in a namespace of their own (Linux 6.7 and later): then those that run there can
 * start others. The arguments are the command.
 */
const WITH_CHILDREN = `
set -e
d=$(mktemp -d)
mount -t binfmt_misc none "$d"
printf %s ':qa64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:${EMULATOR}:F' > "$d/register"
exec "$@"`;
const NAMESPACE = ["--user", "--map-root-user", "--mount", "sh", "-c", WITH_CHILDREN, "sh"];

/** An emulated processor. */
export class Arm64 {
  readonly #node: string;
  readonly #env: NodeJS.ProcessEnv;
  /** Whether programs there can start others. */
  readonly hasChildren: boolean;

  /** @param host of scripts/fetch-hosts.mjs @param cacheFolder what is kept between runs */
  constructor(host: string, cacheFolder: string) {
    this.#node = hostPath(host);
    const inherited = { ...process.env };
    for (const name of Object.keys(inherited))
      if (/^(?:STARLING_RM_|NODE_|VITEST|npm_)/.test(name)) delete inherited[name];
    this.#env = { ...inherited, QEMU_LD_PREFIX: LIBRARIES, XDG_CACHE_HOME: cacheFolder };
    const { status } = spawnSync("unshare", [...NAMESPACE, this.#node, "--version"], { env: this.#env });
    this.hasChildren = status === 0;
  }

  /** Runs Node on a processor that qemu knows. */
  async node(processor: string, args: readonly string[], input = "", timeout = MAX_RUN_MS): Promise<Ended> {
    const command = this.hasChildren ? ["unshare", ...NAMESPACE, this.#node] : [EMULATOR, this.#node];
    const child = spawn(command[0] as string, [...command.slice(1), ...args], {
      env: { ...this.#env, QEMU_CPU: processor },
      timeout,
    });
    child.stdin.on("error", () => {}).end(input);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await ended, stdout, stderr };
  }
}

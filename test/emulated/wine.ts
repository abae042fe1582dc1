/**
 * Runs programs for Windows through Wine: Node for Windows from `npm run hosts`, in a Wine prefix of this process's own. Wine
 * shows this machine's files on drive Z:, and a folder of the prefix as drive C:.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasHost, hostPath } from "../../scripts/fetch-hosts.mjs";
import { ADDON } from "./package-copy.ts";

const LOADERS = ["wine64", "wine"];
/** What one program may take on a busy machine; a start takes half a second on an idle one. */
const MAX_RUN_MS = 200_000;

/** How long Wine's server waits for the next program; longer than a test does between two. */
const SERVER_PATIENCE_S = 120;

/**
 * What Wine says of a fault in a process. Its own services inherit the stderr of whichever program started them, and now and then
 * one of them falls (winedevice.exe in ntoskrnl.exe); a fault of the program itself shows in its exit code.
 */
const FAULTS = /^wine: Unhandled .*, starting debugger\.\.\.\r?\n/gm;

const isInstalled = (command: string) => spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;

/** What is missing to run `host`, and the command that brings it; undefined where nothing is. */
export function missingForWindows(host: string): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "Wine is only used on Linux on x64";
  if (!LOADERS.some(isInstalled)) return "Wine is not installed: apt-get install --no-install-recommends wine wine64";
  if (!hasHost(host)) return `Node for Windows is not here: npm run hosts -- ${host} fetches it`;
  if (!existsSync(ADDON("win32-x64")))
    return "the addon for Windows is not built: npm run prebuilds -- win32-x64 builds it";
  return undefined;
}

/** A path of this machine as Wine's programs see it. */
export const windowsPath = (path: string) => `Z:${path.replaceAll("/", "\\")}`;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string | Uint8Array;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export class Wine {
  /** For what the tests write; the prefix is in it. */
  readonly folder = mkdtempSync(join(tmpdir(), "starling-rm-wine-"));
  readonly #loader = LOADERS.find(isInstalled) as string;
  readonly #node: string;
  #runs = 0;

  /** @param host of scripts/fetch-hosts.mjs */
  private constructor(host: string) {
    this.#node = hostPath(host);
  }

  /** Creates the prefix: five seconds. */
  static async create(host: string): Promise<Wine> {
    const wine = new Wine(host);
    // Else Wine's own services end three seconds after the last program, and those of the next start write to its stderr.
    spawnSync("wineserver", [`-p${SERVER_PATIENCE_S}`], { env: wine.#environment(), stdio: "ignore" });
    await wine.#run("wineboot", ["--init"]).ended;
    // Wine 8 starts as Windows 7, which Node refuses.
    const version = ["add", "HKCU\\Software\\Wine", "/v", "Version", "/d", "win10", "/f"];
    const { code, stderr } = await wine.#run(wine.#loader, ["reg", ...version]).ended;
    if (code !== 0) throw new Error(`Wine could not be set up: ${stderr}`);
    return wine;
  }

  /** Where drive C: is on this machine. */
  get drive(): string {
    return join(this.folder, "prefix", "drive_c");
  }

  /** Runs Node for Windows. */
  node(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.start(args, options).ended;
  }

  /** Runs another program; its path is one of this machine. */
  program(path: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.#run(this.#loader, [path, ...args], options).ended;
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    return this.#run(this.#loader, [this.#node, ...args], options);
  }

  /** Ends this prefix's server and with it all of its programs; removes the prefix. */
  close(): void {
    spawnSync("wineserver", ["-k"], { env: this.#environment(), stdio: "ignore" });
    rmSync(this.folder, { recursive: true, force: true });
  }

  #environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
    const inherited = { ...process.env };
    for (const name of Object.keys(inherited))
      if (/^(?:STARLING_RM_|NODE_|VITEST|WINE|npm_)/.test(name) || ["DISPLAY", "WAYLAND_DISPLAY"].includes(name))
        delete inherited[name];
    return {
      ...inherited,
      WINEPREFIX: join(this.folder, "prefix"),
      WINEDEBUG: "-all",
      // They are not installed, and without this Wine would ask for them.
      WINEDLLOVERRIDES: "mscoree=;mshtml=;winemenubuilder.exe=",
      ...extra,
    };
  }

  /** Node for Windows cannot use the pipes of this system: input and output are files. */
  #run(command: string, args: readonly string[], { cwd = this.folder, env, input = "" }: RunOptions = {}): Running {
    const number = this.#runs++;
    const path = (name: string) => join(this.folder, `run-${number}.${name}`);
    writeFileSync(path("in"), input);
    const streams = [openSync(path("in"), "r"), openSync(path("out"), "w"), openSync(path("err"), "w")];
    mkdirSync(cwd, { recursive: true });
    const child = spawn(command, args, { cwd, env: this.#environment(env), stdio: streams, timeout: MAX_RUN_MS });
    for (const stream of streams) closeSync(stream);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        const [stdout, stderr] = ["out", "err"].map((name) => readFileSync(path(name), "utf8")) as [string, string];
        for (const name of ["in", "out", "err"]) rmSync(path(name), { force: true });
        resolve({ code, stdout, stderr: code === 0 ? stderr.replace(FAULTS, "") : stderr });
      });
    });
    return { process: child, ended };
  }
}

/**
 * Tries a llama.cpp runtime in a child process: a broken driver that crashes or hangs there does no harm here.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { given } from "../options.ts";
import { packageRoot } from "../package-info.ts";
import type {
  DeviceCheck,
  KernelCheckOptions,
  KernelFinding,
  NativeDevice,
  RuntimeInfo,
  RuntimeLibraries,
} from "./addon.ts";
import { childEnvironment } from "./child-process.ts";
import { addonPath } from "./load-addon.ts";
import { outsideArchive } from "./package-folder.ts";

/** What is known of a runtime on this machine. Plain data: it is remembered as JSON. */
export interface ProbeResult {
  /** Whether the libraries could be opened; false means that opening them here is unsafe or useless. */
  readonly opened: boolean;
  /** All devices, processors included, with the memory that was free then. */
  readonly devices: readonly NativeDevice[];
  /** Why some or all devices cannot be used; absent when nothing is wrong. */
  readonly problem?: string;
  /** The library that computes on the CPU; absent where that is not known. */
  readonly cpuLibrary?: string;
  /** As in {@link RuntimeInfo}. */
  readonly cpuFeatures?: readonly string[];
}

export interface ProbeOptions {
  /** Milliseconds; default {@link PROBE_TIME_LIMIT_MS}. */
  readonly timeLimitMs?: number;
  /** For tests: another script than native/child-process/probe.cjs. */
  readonly script?: string;
  /** For tests: another program than this process's own. */
  readonly program?: string;
}

/**
 * Opening CUDA's libraries (400 MB) from a slow disk and compiling the first shaders of a Vulkan driver take seconds. A
 * driver that needs longer for two small matrices hangs, or runs on the CPU (Mesa's lavapipe took 65 seconds the
 * first time on two busy cores, half a second the second time).
 */
export const PROBE_TIME_LIMIT_MS = 60_000;
/** Ending a process that used a GPU takes up to a second; after this it is ended by force. */
const END_LIMIT_MS = 3_000;
/** Drivers may print a lot; our own lines are short. */
const MAX_OUTPUT_CHARACTERS = 1_000_000;
/** Enough of what a driver said before it crashed. */
const MAX_SHOWN_CHARACTERS = 300;
const MARKER = "starling-rm-probe ";
/** From a user, the end of a session, or a system that is short of memory; a crash has others. */
const OUTSIDE_SIGNALS: ReadonlySet<string> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);
/** Set in the child: should this package be loaded there, it must not begin another probe. */
export const PROBING_VARIABLE = "STARLING_RM_PROBING";

type Line =
  | { readonly stage: "opened"; readonly info: RuntimeInfo }
  | { readonly stage: "checked"; readonly checks: readonly DeviceCheck[] }
  | { readonly stage: "kernels"; readonly findings: readonly KernelFinding[] }
  | { readonly stage: "failed"; readonly message: string };

/** How the child ended; `undefined` while it runs. */
interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
  readonly timedOut?: boolean;
}

/** The child was never started, or ended from outside: nothing is known of what it tried. */
export class ProbeInterrupted extends Error {}

/** Never rejects: whatever happens is a result. */
export async function probeRuntime(libraries: RuntimeLibraries, options: ProbeOptions = {}): Promise<ProbeResult> {
  const timeLimitMs = options.timeLimitMs ?? PROBE_TIME_LIMIT_MS;
  const { lines, end, said } = await runProbe({ libraries }, timeLimitMs, options);
  return judgeProbe(lines, end, said, timeLimitMs);
}

/**
 * checkKernels() of a runtime that this process does not open.
 *
 * @throws Error with the reason when the child could not do it; ProbeInterrupted when it was not let
 */
export async function probeKernels(
  libraries: RuntimeLibraries,
  kernels: KernelCheckOptions,
): Promise<readonly KernelFinding[]> {
  const { lines, end, said } = await runProbe({ libraries, kernels }, PROBE_TIME_LIMIT_MS);
  const found = lines.find((line) => line.stage === "kernels");
  if (found !== undefined) return found.findings;
  const problem = judgeProbe(lines, end, said, PROBE_TIME_LIMIT_MS, "the kernels").problem;
  throw wasInterrupted(end) ? new ProbeInterrupted(problem) : new Error(problem);
}

function runProbe(
  what: { readonly libraries: RuntimeLibraries; readonly kernels?: KernelCheckOptions },
  timeLimitMs: number,
  options: ProbeOptions = {},
): Promise<Watched> {
  const script = options.script ?? outsideArchive(join(packageRoot(), "native", "child-process", "probe.cjs"));
  const setup = JSON.stringify({ addon: addonPath() ?? "", ...what });
  const child = spawn(options.program ?? process.execPath, [script, setup], {
    stdio: ["ignore", "pipe", "pipe"],
    env: probeEnvironment(process.env),
    windowsHide: true,
  });
  return watch(child, timeLimitMs);
}

export function probeEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...childEnvironment(env), [PROBING_VARIABLE]: "1" };
}

interface Watched {
  readonly lines: readonly Line[];
  readonly end: End;
  /** The end of what was printed to stderr. */
  readonly said: string;
}

function watch(child: ChildProcess, timeLimitMs: number): Promise<Watched> {
  return new Promise((resolve) => {
    let output = "";
    let said = "";
    let settled = false;
    const settle = (end: End) => {
      if (settled) return;
      settled = true;
      clearTimeout(limit);
      clearTimeout(ending);
      // A process that hangs in the kernel ignores even SIGKILL: we do not wait for it.
      child.kill("SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve({ lines: parseLines(output), end, said });
    };
    const limit = setTimeout(() => settle({ code: null, signal: null, timedOut: true }), timeLimitMs);
    let ending: NodeJS.Timeout | undefined;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (output.length < MAX_OUTPUT_CHARACTERS) output += text;
      // Everything is known: what a driver does at exit does not matter.
      if (ending === undefined && parseLines(output).some(({ stage }) => stage !== "opened"))
        ending = setTimeout(() => settle({ code: null, signal: null }), END_LIMIT_MS);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-MAX_SHOWN_CHARACTERS);
    });
    child.on("error", (error) => settle({ code: null, signal: null, error }));
    child.on("close", (code, signal) => settle({ code, signal }));
  });
}

/** Complete lines of ours; what drivers print in between is ignored. */
function parseLines(output: string): Line[] {
  return output
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.startsWith(MARKER))
    .flatMap((line) => {
      try {
        return [JSON.parse(line.slice(MARKER.length)) as Line];
      } catch {
        return [];
      }
    });
}

/** @internal What the lines and the end of a child mean; exported for its tests. */
export function judgeProbe(
  lines: readonly Line[],
  end: End,
  said: string,
  timeLimitMs: number,
  tried = "the driver",
): ProbeResult {
  const opened = lines.find((line) => line.stage === "opened");
  const checked = lines.find((line) => line.stage === "checked");
  const failed = lines.find((line) => line.stage === "failed");
  const devices = opened?.info.devices ?? [];
  const cpu = given({ cpuLibrary: opened?.info.cpuLibrary, cpuFeatures: opened?.info.cpuFeatures });
  const result = (problem: string | undefined): ProbeResult => ({
    opened: opened !== undefined,
    devices: checked === undefined && opened !== undefined ? devices.filter(({ type }) => type === "cpu") : devices,
    ...cpu,
    ...(problem === undefined ? {} : { problem }),
  });
  if (checked !== undefined) {
    const broken = new Map(checked.checks.map(({ name, problem }) => [name, problem]));
    const problems = checked.checks.flatMap(({ name, problem }) =>
      problem === undefined ? [] : [`${name}: ${problem}`],
    );
    return {
      opened: true,
      devices: devices.filter(({ name }) => broken.get(name) === undefined),
      ...cpu,
      ...(problems.length > 0 ? { problem: problems.join("; ") } : problemOf(opened?.info.backendProblem)),
    };
  }
  if (failed !== undefined) return result(failed.message);
  const when = opened === undefined ? "while the libraries were opened" : "at its first computation";
  return result(`${howItEnded(end, timeLimitMs, tried)} ${when}${lastOutput(said)}`);
}

function problemOf(problem: string | undefined): { problem?: string } {
  return problem === undefined ? {} : { problem };
}

function wasInterrupted({ signal, error }: End): boolean {
  return error !== undefined || (signal !== null && OUTSIDE_SIGNALS.has(signal));
}

function howItEnded({ code, signal, error, timedOut }: End, timeLimitMs: number, tried: string): string {
  if (error !== undefined) return `the process that tries it could not be started (${error.message})`;
  if (timedOut) return `${tried} did not answer within ${timeLimitMs / 1000} seconds`;
  if (signal !== null) return `${tried} crashed (${signal})`;
  // Windows has no signals: a crash is an exit code such as 0xC0000005.
  if (code !== null && code > 0xffff) return `${tried} crashed (0x${code.toString(16).toUpperCase()})`;
  return `${tried} crashed the process (exit code ${code})`;
}

function lastOutput(said: string): string {
  const line = said.trim().split("\n").at(-1)?.trim() ?? "";
  return line === "" ? "" : `; last output: ${line}`;
}

/**
 * Puts our own prefill kernels into this process's llama.cpp: into libraries that are known by their bytes, and only after a child
 * process has done the same and computed with them.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { cacheKey, fileIdentity, JsonCache } from "../files/json-cache.ts";
import { systemReason } from "../files/system-errors.ts";
import type { AttentionSample, KernelFinding, NativeAddon, RuntimeInfo } from "./addon.ts";
import { PROBE_VARIABLE } from "./choose-backend.ts";
import { addonPath, loadAddon } from "./load-addon.ts";
import { processorIdentity } from "./machine.ts";
import { here } from "./platforms.ts";
import { PREFILL_LIBRARIES } from "./prefill-libraries.ts";
import { ProbeInterrupted, probeKernels } from "./probe.ts";
import { librariesIn } from "./runtime-folder.ts";

type Runtime = Pick<RuntimeInfo, "folder" | "cpuLibrary" | "cpuFeatures">;

/** Raised when the trial changes. */
const FORMAT = 2;
const MAX_TRIALS = 64;
/** Read by the addon, once in a process. */
export const LIMIT_VARIABLE = "STARLING_RM_KERNELS";
/** A trial that crashed or hung is repeated after a day. */
const CRASH_KEPT_MS = 24 * 60 * 60 * 1000;
/** Small, and with everything that a binding needs: ggml's threads, its list of kernels, its memory. */
const TRIAL: AttentionSample = { type: 1, headLength: 64, heads: 4, keyValueHeads: 2 };

/** Of this thread; the runtime stays the same until the process ends. */
let answer: { readonly folder: string; readonly obstacle: Promise<string | undefined> } | undefined;

/**
 * Must come before the first use of the CPU library: llama.cpp reads the list of kernels once.
 *
 * @returns why they cannot be used, half a sentence without a full stop; undefined if they can
 */
export function bindOwnKernels(addon: NativeAddon, runtime: Runtime): Promise<string | undefined> {
  if (answer?.folder !== runtime.folder) answer = { folder: runtime.folder, obstacle: bind(addon, runtime) };
  return answer.obstacle;
}

async function bind(addon: NativeAddon, runtime: Runtime): Promise<string | undefined> {
  return libraryObstacle(runtime) ?? (await trialObstacle(runtime)) ?? addon.bindPrefill();
}

/** Why they cannot be used with this processor and library; nothing is opened or tried. */
export function libraryObstacle({ cpuLibrary }: Pick<RuntimeInfo, "cpuLibrary">): string | undefined {
  if (here.os !== "linux" || here.arch !== "x64") return "they are for Linux on x86-64";
  if (loadAddon().prefillKernels().gemm.length === 0) {
    const limit = process.env[LIMIT_VARIABLE] ?? "";
    if (limit !== "") return `${LIMIT_VARIABLE} is ${JSON.stringify(limit)}, which leaves none of them`;
    return "this processor has none of the instructions that they use";
  }
  if (process.env[PROBE_VARIABLE] === "off") return `${PROBE_VARIABLE} is off, and they must be tried first`;
  if (cpuLibrary === undefined) return "llama.cpp's CPU library is unknown";
  try {
    const hash = createHash("sha256").update(readFileSync(cpuLibrary)).digest("hex");
    if (PREFILL_LIBRARIES.has(hash)) return undefined;
    return `${basename(cpuLibrary)} is not one of the libraries that they were made for`;
  } catch (error) {
    return `${basename(cpuLibrary)} cannot be read (${systemReason(error)})`;
  }
}

/** Changes when what a child process would compute with does: it reads the variable anew. */
export function ownKernelsIdentity(): readonly unknown[] {
  return [fileIdentity(addonPath() ?? ""), loadAddon().prefillKernels(), process.env[LIMIT_VARIABLE] ?? ""];
}

interface Trial {
  /** Half a sentence without a full stop; null for none. */
  readonly obstacle: string | null;
  /** Absent where they were computed with: that result stays. */
  readonly crashed?: true;
}

/**
 * Tries them in a child process, once for each library, addon and processor.
 *
 * @internal exported for its tests, with another trial than the real one
 */
export async function trialObstacle(
  { folder, cpuLibrary = "", cpuFeatures }: Runtime,
  attempt: () => Promise<readonly KernelFinding[]> = () => tryIn(folder, cpuLibrary),
  now: number = Date.now(),
): Promise<string | undefined> {
  const library = [fileIdentity(cpuLibrary), cpuFeatures];
  const key = cacheKey(["trial", FORMAT, ...library, processorIdentity(), ownKernelsIdentity()]);
  const cache = new JsonCache(join(defaultCacheFolder(), "kernels"), MAX_TRIALS);
  const known = process.env[PROBE_VARIABLE] === "fresh" ? undefined : recall(cache.read(key), now);
  if (known !== undefined) return known.obstacle ?? undefined;
  let trial: Trial;
  try {
    const [finding] = await attempt();
    trial = { obstacle: judge(finding) ?? null };
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
    // Who ended it may not do so again.
    if (error instanceof ProbeInterrupted) return reason;
    trial = { obstacle: reason, crashed: true };
  }
  cache.write(key, { time: now, ...trial });
  return trial.obstacle ?? undefined;
}

function recall(entry: unknown, now: number): Trial | undefined {
  const { time, obstacle, crashed } = (entry ?? {}) as Record<string, unknown>;
  if (typeof time !== "number" || (obstacle !== null && typeof obstacle !== "string")) return undefined;
  const age = now - time;
  return crashed === true && (age < 0 || age > CRASH_KEPT_MS) ? undefined : { obstacle };
}

function tryIn(folder: string, path: string): Promise<readonly KernelFinding[]> {
  const options = { path, samples: [], attention: [TRIAL], threads: 2, repacked: true, prefill: true };
  return probeKernels(librariesIn(folder), options);
}

function judge(finding: KernelFinding | undefined): string | undefined {
  if (finding?.problem !== undefined) return `what they computed on trial ${finding.problem}`;
  return finding?.multiple === 1 || finding?.buffer === "" ? undefined : "on trial they were not exact";
}

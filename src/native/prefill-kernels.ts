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
import { probeKernels } from "./probe.ts";
import { librariesIn } from "./runtime-folder.ts";

type Runtime = Pick<RuntimeInfo, "folder" | "cpuLibrary" | "cpuFeatures">;

/** Raised when the trial changes. */
const FORMAT = 2;
const MAX_TRIALS = 64;
/** A failure may have had another cause, such as a busy machine or too little memory: it is tried again after a day. */
const FAILURE_KEPT_MS = 24 * 60 * 60 * 1000;
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
  if (loadAddon().prefillKernels().gemm.length === 0)
    return "this processor has none of the instructions that they use";
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

/** Tries them in a child process, once for each library, addon and processor. */
async function trialObstacle({ folder, cpuLibrary = "", cpuFeatures }: Runtime): Promise<string | undefined> {
  const files = [fileIdentity(cpuLibrary), fileIdentity(addonPath() ?? "")];
  const kernels = loadAddon().prefillKernels();
  const key = cacheKey(["trial", FORMAT, ...files, cpuFeatures, processorIdentity(), kernels]);
  const cache = new JsonCache(join(defaultCacheFolder(), "kernels"), MAX_TRIALS);
  const { obstacle: known, time } = (cache.read(key) ?? {}) as { obstacle?: unknown; time?: unknown };
  const isFresh = process.env[PROBE_VARIABLE] === "fresh";
  if (known === null && !isFresh) return undefined;
  const age = Date.now() - Number(time);
  if (typeof known === "string" && !isFresh && age >= 0 && age <= FAILURE_KEPT_MS) return known;
  const obstacle = await tryIn(folder, cpuLibrary);
  cache.write(key, { time: Date.now(), obstacle: obstacle ?? null });
  return obstacle;
}

async function tryIn(folder: string, path: string): Promise<string | undefined> {
  const options = { path, samples: [], attention: [TRIAL], threads: 2, repacked: true, prefill: true };
  try {
    const [finding] = await probeKernels(librariesIn(folder), options);
    return judge(finding);
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
  }
}

function judge(finding: KernelFinding | undefined): string | undefined {
  if (finding?.problem !== undefined) return `what they computed on trial ${finding.problem}`;
  return finding?.multiple === 1 || finding?.buffer === "" ? undefined : "on trial they were not exact";
}

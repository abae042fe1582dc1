/** Findings of the kernel check, kept between processes by library, processor and shapes. */
import { join, toNamespacedPath } from "node:path";
import { cacheKey, fileIdentity, JsonCache } from "../files/json-cache.ts";
import type { AttentionSample, KernelCheckOptions, KernelFinding, RuntimeInfo } from "../native/addon.ts";
import { PROBE_VARIABLE } from "../native/choose-backend.ts";
import { processorIdentity } from "../native/machine.ts";
import { ownKernelsIdentity } from "../native/prefill-kernels.ts";
import type { TrunkShape } from "../trunk/shape.ts";
import type { LoadPlan } from "./load-plan.ts";
import type { NamedSample } from "./weight-samples.ts";

/** How the check runs: in this process, or in a child process. */
export type CheckKernels = (options: KernelCheckOptions) => Promise<readonly KernelFinding[]>;

export interface KernelQuestion {
  readonly path: string;
  readonly samples: readonly NamedSample[];
  readonly plan: Pick<LoadPlan, "soloThreads" | "batchMode" | "gpuLayers" | "kvType" | "paddingToken">;
  /** Of the whole model. */
  readonly shape: Pick<TrunkShape, "layers" | "heads" | "keyValueHeads" | "headDim">;
  /** Whether attention scores are soft-capped. */
  readonly softCapped?: boolean;
  /** The library, and what it says that it uses. */
  readonly runtime: Partial<Pick<RuntimeInfo, "cpuLibrary" | "cpuFeatures">>;
}

/** Which kernels to check. */
export type KernelKind = Pick<KernelCheckOptions, "repacked" | "prefill">;

/** Raised when the check changes: earlier findings are then ignored. */
const FORMAT = 3;
/** A few runtimes and models, before and after a few updates. */
const MAX_FINDINGS = 64;
/** Our own kernels are tried with so many threads: what is chosen, and with it a score, must not depend on a model's. */
const OWN_THREADS = 2;
/** Of this process, where none can be kept or read: timed again, the choice could be another. By folder and key. */
const timed = new Map<string, readonly KernelFinding[]>();
/** ggml_type. */
const CACHE_TYPES = { f32: 0, f16: 1 } as const;

/** @param folder where findings are kept */
export async function findOnce(
  question: KernelQuestion,
  attention: readonly AttentionSample[],
  kind: KernelKind,
  check: CheckKernels,
  folder: string,
): Promise<readonly KernelFinding[]> {
  const { path, samples, plan, runtime } = question;
  // The most that multiply at once: context workers have as many or fewer.
  const threads = kind.prefill ? OWN_THREADS : plan.soloThreads;
  const ask = () => checkEachFile(path, samples, { attention, threads, ...kind }, check);
  const { cpuLibrary, cpuFeatures = [] } = runtime;
  // A library without an identity is checked each time.
  if (cpuLibrary === undefined) return ask();
  const shapes = samples.map(({ type, columns, rows }) => [type, columns, rows]);
  // What the library says is what it sees: an emulator may show another processor to it than to us.
  const where = [fileIdentity(cpuLibrary), cpuFeatures, processorIdentity()];
  // Our own kernels are in the addon.
  const own = kind.prefill ? ownKernelsIdentity() : [];
  const parts = [FORMAT, ...where, shapes, attention, threads, kind.repacked, kind.prefill, own];
  // The weights of a damaged file may be wrong: cache such a finding only for that file.
  const [anyFile, thisFile] = [cacheKey(parts), cacheKey([...parts, ...filesOf(path, samples).map(fileIdentity)])];
  const cache = new JsonCache(folder, MAX_FINDINGS);
  const isFresh = process.env[PROBE_VARIABLE] === "fresh";
  const knownAs = (key: string) => {
    const known = (cache.read(key) as { result?: unknown } | undefined)?.result;
    return areKernelFindings(known, samples.length + attention.length) ? known : undefined;
  };
  for (const key of [anyFile, thisFile]) {
    const known = (isFresh ? undefined : knownAs(key)) ?? timed.get(join(folder, key));
    if (known !== undefined) return known;
  }
  const findings = await ask();
  const isGood = findings.every(({ problem, multiple }) => problem === undefined && (multiple > 0 || kind.prefill));
  const key = isGood ? anyFile : thisFile;
  const entry = { time: Date.now(), result: findings };
  if (isFresh || !cache.add(key, entry)) {
    // Another process measured at the same time and was faster: its choice is everyone's.
    const first = isFresh ? undefined : knownAs(key);
    if (first !== undefined) return first;
    cache.write(key, entry);
  }
  if (kind.prefill) timed.set(join(folder, key), findings);
  return findings;
}

/** The first is the model's, or the first part's. */
function filesOf(path: string, samples: readonly NamedSample[]): string[] {
  return [...new Set([path, ...samples.map(({ file }) => file ?? path)])];
}

/** The check reads one file: of a split model it is asked for each part. @returns findings in the order of samples, then of attention */
async function checkEachFile(
  path: string,
  samples: readonly NamedSample[],
  { attention, ...how }: Omit<KernelCheckOptions, "path" | "samples">,
  check: CheckKernels,
): Promise<readonly KernelFinding[]> {
  const found = new Map<NamedSample | AttentionSample, KernelFinding>();
  for (const file of filesOf(path, samples)) {
    const here = samples.filter((sample) => (sample.file ?? path) === file);
    const once = file === path ? attention : [];
    if (here.length + once.length === 0) continue;
    const asked = here.map(({ type, columns, rows, position }) => ({ type, columns, rows, position }));
    const findings = await check({ path: toNamespacedPath(file), samples: asked, attention: once, ...how });
    for (const [i, key] of [...here, ...once].entries()) found.set(key, findings[i] as KernelFinding);
  }
  return [...samples, ...attention].map((key) => found.get(key) as KernelFinding);
}

function areKernelFindings(value: unknown, count: number): value is KernelFinding[] {
  if (!Array.isArray(value) || value.length !== count) return false;
  return value.every((entry: unknown) => {
    const { buffer, problem, multiple, gain } = (entry ?? {}) as Record<string, unknown>;
    const hasText = problem === undefined || typeof problem === "string";
    const hasGain = gain === undefined || typeof gain === "number";
    return typeof buffer === "string" && hasText && hasGain && [0, 1, 4, 8, 16, 32].includes(multiple as number);
  });
}

/** The products with keys and values. */
export function attentionOf({ plan, shape }: KernelQuestion): AttentionSample {
  const { headDim: headLength, heads, keyValueHeads } = shape;
  return { type: CACHE_TYPES[plan.kvType], headLength, heads, keyValueHeads };
}

export function weightsOf({ typeName, columns }: NamedSample): string {
  return `${typeName} weights in rows of ${columns} values`;
}

export function keysAndValuesOf({ plan, shape }: KernelQuestion): string {
  return `${plan.kvType} keys and values in heads of ${shape.headDim} values`;
}

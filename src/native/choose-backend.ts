/** Chooses the first backend that works here, with the reason why each one before it does not. */
import type { RuntimeLibraries } from "./addon.ts";
import { isSoftware, usableDevices } from "./devices.ts";
import { explainReason, filesProblem } from "./explain-runtime.ts";
import { gpuSign } from "./gpu-signs.ts";
import { isTranslated, macSysctl } from "./mac-system.ts";
import { type Backend, backendsOf, type GpuBackend } from "./platforms.ts";
import { PROBE_TIME_LIMIT_MS, PROBING_VARIABLE, type ProbeResult, probeRuntime } from "./probe.ts";
import { loadProbe, probeKey, saveProbe } from "./probe-cache.ts";
import { findRuntime, hasRuntime, installCommand, ownBackends, ownRuntime } from "./runtime-folder.ts";

/**
 * `off`: runtimes are opened without being tried; the presence of driver files is trusted. `fresh`: cached results are
 * ignored. Anything else: each runtime is tried once and the result cached.
 */
export const PROBE_VARIABLE = "STARLING_RM_PROBE";

/** Why a backend was not used. */
export interface BackendReason {
  /** The backend that was not used. */
  readonly backend: Backend;
  /** Half a sentence without a full stop, such as "no NVIDIA driver is installed". */
  readonly reason: string;
}

export interface BackendChoice {
  readonly backend: Backend;
  readonly libraries: RuntimeLibraries;
  /** Reasons for the preferred backends that were not used. */
  readonly reasons: readonly BackendReason[];
}

/** What the choice needs to know about the machine; replaced in tests. */
export interface Machine {
  /** In the order of preference, the CPU last. */
  readonly backends: readonly Backend[];
  /** Why there can be no device of a backend, as far as that is known without loading anything. */
  missing(backend: GpuBackend): string | undefined;
  /** @throws NativeError if there is no runtime for it, or it is incomplete */
  find(backend: Backend): RuntimeLibraries;
  /** What is wrong with a runtime's files; they are looked at and not opened. */
  damage(libraries: RuntimeLibraries, backend: GpuBackend): string | undefined;
  /** Tries a runtime, or returns the cached result; undefined: it must not be tried. */
  probe(libraries: RuntimeLibraries, backend: GpuBackend, request: BackendRequest): Promise<ProbeResult | undefined>;
}

/** Whether any working backend will do, or the caller named this one. */
export type BackendRequest = "auto" | "explicit";

/**
 * Some Vulkan drivers compile new shaders for a minute. A caller that names the backend waits; the driver caches the
 * result, so the next process does not.
 */
const ASKED_TIME_LIMIT_MS = 5 * PROBE_TIME_LIMIT_MS;

/** The first backend of `auto` that works, the CPU if none does. */
export async function chooseBackend(machine: Machine): Promise<BackendChoice> {
  const reasons: BackendReason[] = [];
  const unsafe = new Map<string, string>();
  for (const backend of machine.backends) {
    if (backend === "cpu") break;
    const attempt = await attemptOn(machine, backend, unsafe);
    if (typeof attempt !== "string") return { backend, libraries: attempt, reasons };
    reasons.push({ backend, reason: attempt.replace(/\.$/, "") });
  }
  const libraries = machine.find("cpu");
  const failure = unsafe.get(libraries.folder);
  // On a Mac, and with STARLING_RM_RUNTIME, the CPU's runtime is the one that just failed.
  if (failure !== undefined) throw new UnusableRuntime(libraries, failure);
  return { backend: "cpu", libraries, reasons };
}

/**
 * The libraries of a working backend, or why it is not used.
 *
 * @param unsafe reasons by folder, for those that must not be opened in this process
 */
async function attemptOn(
  machine: Machine,
  backend: GpuBackend,
  unsafe: Map<string, string>,
): Promise<RuntimeLibraries | string> {
  try {
    const missing = machine.missing(backend);
    if (missing !== undefined) return missing;
    const libraries = machine.find(backend);
    const damage = machine.damage(libraries, backend);
    if (damage !== undefined) return damage;
    const result = await machine.probe(libraries, backend, "auto");
    const reason = result === undefined ? undefined : reasonAgainst(result, backend, "auto");
    if (result === undefined || reason === undefined) return libraries;
    if (!result.opened) unsafe.set(libraries.folder, reason);
    return explainReason(libraries, reason);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Marks a runtime as not to be opened in this process. */
export class UnusableRuntime extends Error {
  readonly libraries: RuntimeLibraries;
  constructor(libraries: RuntimeLibraries, reason: string) {
    super(reason);
    this.libraries = libraries;
  }
}

/** A backend requested by name, which is also tried first. */
export async function confirmBackend(backend: GpuBackend, machine: Machine): Promise<BackendChoice> {
  const libraries = machine.find(backend);
  const damage = machine.damage(libraries, backend);
  if (damage !== undefined) throw new UnusableRuntime(libraries, damage);
  const result = await machine.probe(libraries, backend, "explicit");
  const reason = result === undefined ? undefined : reasonAgainst(result, backend, "explicit");
  if (reason !== undefined) throw new UnusableRuntime(libraries, reason);
  return { backend, libraries, reasons: [] };
}

/** Why a backend is rejected after its runtime was tried; undefined if it is usable. */
export function reasonAgainst(result: ProbeResult, backend: GpuBackend, request: BackendRequest): string | undefined {
  if (!result.opened) return result.problem ?? "its libraries could not be opened";
  const devices = usableDevices(result.devices, backend);
  if (devices.length === 0) return result.problem ?? "its libraries load, but they found no device";
  if (request === "auto" && devices.every(isSoftware))
    return `its only device, ${devices[0]?.description}, runs on the CPU`;
  return undefined;
}

/** The machine that this process runs on. */
export function thisMachine(env: NodeJS.ProcessEnv = process.env): Machine {
  const own = ownRuntime(env);
  // Named so that the reason is: an Intel build of Node has no package with Metal.
  const translated: GpuBackend[] = isTranslated(macSysctl()) ? ["metal"] : [];
  return {
    backends: own === undefined ? [...translated, ...backendsOf()] : [...ownBackends(own), "cpu"],
    missing(backend) {
      // The driver first: without it the package is no help.
      const { missing } = gpuSign(backend);
      if (missing !== undefined || translated.includes(backend) || own !== undefined) return missing;
      return hasRuntime(backend) ? undefined : `its package is not installed (${installCommand(backend)})`;
    },
    find: findRuntime,
    damage: filesProblem,
    probe: (libraries, backend, request) => probeOnce(libraries, backend, request, env),
  };
}

async function probeOnce(
  libraries: RuntimeLibraries,
  backend: GpuBackend,
  request: BackendRequest,
  env: NodeJS.ProcessEnv,
): Promise<ProbeResult | undefined> {
  const setting = env[PROBE_VARIABLE];
  if (setting === "off" || env[PROBING_VARIABLE] !== undefined) return undefined;
  const key = probeKey(libraries, gpuSign(backend).files, env);
  const known = setting === "fresh" ? undefined : loadProbe(key);
  // A caller that names it may have just fixed it.
  if (known !== undefined && (request === "auto" || known.problem === undefined)) return known;
  const result = await probeRuntime(libraries, request === "auto" ? {} : { timeLimitMs: ASKED_TIME_LIMIT_MS });
  saveProbe(key, result);
  return result;
}

/** The cached result for a backend's runtime; nothing is tried. */
export function recallBackend(backend: GpuBackend): ProbeResult | undefined {
  try {
    return loadProbe(probeKey(findRuntime(backend), gpuSign(backend).files));
  } catch {
    return undefined;
  }
}

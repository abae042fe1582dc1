/** Probes every runtime of this platform; nothing comes from the cache. */
import type { NativeDevice, RuntimeLibraries } from "../native/addon.ts";
import {
  type BackendReason,
  chooseBackend,
  type Machine,
  reasonAgainst,
  thisMachine,
} from "../native/choose-backend.ts";
import { isSoftware, usableDevices } from "../native/devices.ts";
import { explainReason, explainRuntime } from "../native/explain-runtime.ts";
import { type GpuFacts, gpuFacts, lackSentences } from "../native/gpu-lacks.ts";
import { gpuSign } from "../native/gpu-signs.ts";
import { type Backend, runtimePackage } from "../native/platforms.ts";
import { type ProbeResult, probeRuntime } from "../native/probe.ts";
import { probeKey, saveProbe } from "../native/probe-cache.ts";
import { installedVersion, ownRuntime } from "../native/runtime-folder.ts";
import { given } from "../options.ts";

/** A runtime of one backend. */
export interface RuntimeFinding {
  /** What it computes on. */
  readonly backend: Backend;
  /** "works": models can run on it. "no device": the runtime opens but finds no device. */
  readonly state: "works" | "no device" | "broken" | "not installed";
  /** The npm package; absent if STARLING_RM_RUNTIME names a folder. */
  readonly package?: string;
  /** Installed version of the package. */
  readonly version?: string;
  /** Where its libraries are; absent if it is not installed. */
  readonly folder?: string;
  /** Why it does not work, with the command that fixes it if there is one. */
  readonly problem?: string;
  /** Devices a model would use, in order; the CPU runtime has one. */
  readonly devices: readonly DeviceFinding[];
  /** CPU runtime only: absolute path of the library chosen for this processor. */
  readonly cpuLibrary?: string;
  /** CPU runtime only: what that library says that it uses, for example "DOTPROD" and "SVE_CNT=16". */
  readonly cpuFeatures?: readonly string[];
}

/** A device that a runtime found. */
export interface DeviceFinding extends NativeDevice {
  /** Whether it is a software driver that computes on the CPU. */
  readonly software: boolean;
}

export interface RuntimeFindings {
  readonly runtimes: readonly RuntimeFinding[];
  /** The backend `gpu: "auto"` chooses; absent if none works. */
  readonly choice?: Backend;
  readonly reasons: readonly BackendReason[];
}

/** Opens a runtime and lists its devices; replaced in tests. */
export type Probe = (libraries: RuntimeLibraries) => Promise<ProbeResult>;

export async function findRuntimes(
  machine: Machine = thisMachine(),
  probe: Probe = probeRuntime,
  facts: GpuFacts = gpuFacts(),
): Promise<RuntimeFindings> {
  // A package for macOS, or the folder in STARLING_RM_RUNTIME, can serve several backends: probe each folder once.
  const tried = new Map<string, ProbeResult>();
  const tryOnce = async (libraries: RuntimeLibraries, backend: Backend): Promise<ProbeResult> => {
    const known = tried.get(libraries.folder);
    if (known !== undefined) return known;
    const result = await probe(libraries);
    tried.set(libraries.folder, result);
    if (backend !== "cpu") saveProbe(probeKey(libraries, gpuSign(backend).files), result);
    return result;
  };
  const runtimes: RuntimeFinding[] = [];
  for (const backend of machine.backends) runtimes.push(await examine(backend, machine, tryOnce, facts));
  const cpu = runtimes.find(({ backend }) => backend === "cpu");
  try {
    const { backend, reasons } = await chooseBackend({ ...machine, probe: tryOnce });
    return { runtimes, reasons, ...(backend === "cpu" && cpu?.state !== "works" ? {} : { choice: backend }) };
  } catch {
    // The CPU runtime is missing or unusable: its entry in `runtimes` says why.
    return { runtimes, reasons: [] };
  }
}

async function examine(
  backend: Backend,
  machine: Machine,
  tryOnce: (libraries: RuntimeLibraries, backend: Backend) => Promise<ProbeResult>,
  facts: GpuFacts,
): Promise<RuntimeFinding> {
  const named = describePackage(backend);
  let libraries: RuntimeLibraries;
  try {
    libraries = machine.find(backend);
  } catch (error) {
    const lack = backend === "cpu" ? undefined : lackSentences(backend, error, facts);
    const problem = lack ?? (error instanceof Error ? error.message : String(error));
    const code = (error as { code?: unknown }).code;
    const state = code === "ERR_RUNTIME_NOT_FOUND" ? "not installed" : "broken";
    return { backend, ...named, state, problem, devices: [] };
  }
  const folder = { folder: libraries.folder };
  const damage = backend === "cpu" ? undefined : machine.damage(libraries, backend);
  if (damage !== undefined) return { backend, ...named, ...folder, state: "broken", problem: damage, devices: [] };
  const result = await tryOnce(libraries, backend);
  const { cpuLibrary, cpuFeatures } = result;
  const found = { backend, ...named, ...folder, ...(backend === "cpu" ? given({ cpuLibrary, cpuFeatures }) : {}) };
  const devices = devicesFor(result, backend);
  const problem = problemFor(result, backend, libraries, facts);
  if (!result.opened) return { ...found, state: "broken", devices: [], ...problem };
  return { ...found, state: devices.length > 0 ? "works" : "no device", devices, ...problem };
}

function describePackage(backend: Backend): Pick<RuntimeFinding, "package" | "version"> {
  const name = ownRuntime() === undefined ? runtimePackage(backend) : undefined;
  const version = name === undefined ? undefined : installedVersion(backend);
  return { ...(name === undefined ? {} : { package: name }), ...(version === undefined ? {} : { version }) };
}

function devicesFor(result: ProbeResult, backend: Backend): DeviceFinding[] {
  const devices =
    backend === "cpu" ? result.devices.filter(({ type }) => type === "cpu") : usableDevices(result.devices, backend);
  return devices.map((device) => ({ ...device, software: isSoftware(device) }));
}

function problemFor(
  result: ProbeResult,
  backend: Backend,
  libraries: RuntimeLibraries,
  facts: GpuFacts,
): { problem?: string } {
  if (backend === "cpu") return result.opened ? {} : { problem: explainRuntime(libraries, result.problem ?? "") };
  const reason = reasonAgainst(result, backend, "explicit") ?? result.problem;
  if (reason === undefined) return {};
  const lack = lackSentences(backend, reason, facts);
  if (lack !== undefined) return { problem: lack };
  return { problem: result.opened ? explainReason(libraries, reason) : explainRuntime(libraries, reason) };
}

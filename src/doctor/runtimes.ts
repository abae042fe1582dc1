/** What every runtime of this platform is good for here; each is tried afresh. */
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
import { gpuSign } from "../native/gpu-signs.ts";
import type { Backend } from "../native/platforms.ts";
import { runtimePackage } from "../native/platforms.ts";
import { type ProbeResult, probeRuntime } from "../native/probe.ts";
import { probeKey, remember } from "../native/probe-memory.ts";
import { installedVersion, ownRuntime } from "../native/runtime-folder.ts";

/** A runtime of one backend. */
export interface RuntimeFinding {
  readonly backend: Backend;
  /** "works": models can run on it. "no device": nothing is broken, but there is none. */
  readonly state: "works" | "no device" | "broken" | "not installed";
  /** The npm package, unless STARLING_RM_RUNTIME names a folder. */
  readonly package?: string;
  /** Of the package, where it is installed. */
  readonly version?: string;
  readonly folder?: string;
  /** Why it does not work, with the command that mends it where there is one. */
  readonly problem?: string;
  /** Those that a model would use, in their order; the CPU has one. */
  readonly devices: readonly DeviceFinding[];
  /** Of the CPU's: the library for this processor, an absolute path. */
  readonly cpuLibrary?: string;
}

export interface DeviceFinding extends NativeDevice {
  /** Whether it only computes on the processor. */
  readonly software: boolean;
}

export interface RuntimeFindings {
  readonly runtimes: readonly RuntimeFinding[];
  /** What `gpu: "auto"` takes; absent when nothing works. */
  readonly choice?: Backend;
  readonly reasons: readonly BackendReason[];
}

/** Tries a runtime; replaced in tests. */
export type Probe = (libraries: RuntimeLibraries) => Promise<ProbeResult>;

export async function findRuntimes(
  machine: Machine = thisMachine(),
  probe: Probe = probeRuntime,
): Promise<RuntimeFindings> {
  // The packages of a Mac, and a folder of one's own, serve several backends: each folder is tried once.
  const tried = new Map<string, ProbeResult>();
  const tryOnce = async (libraries: RuntimeLibraries, backend: Backend): Promise<ProbeResult> => {
    const known = tried.get(libraries.folder);
    if (known !== undefined) return known;
    const result = await probe(libraries);
    tried.set(libraries.folder, result);
    if (backend !== "cpu") remember(probeKey(libraries, gpuSign(backend).files), result);
    return result;
  };
  const runtimes: RuntimeFinding[] = [];
  for (const backend of machine.backends) runtimes.push(await examine(backend, machine, tryOnce));
  const cpu = runtimes.find(({ backend }) => backend === "cpu");
  try {
    const { backend, reasons } = await chooseBackend({ ...machine, probe: tryOnce });
    return { runtimes, reasons, ...(backend === "cpu" && cpu?.state !== "works" ? {} : { choice: backend }) };
  } catch {
    // The CPU's runtime is missing or unusable: its finding says why.
    return { runtimes, reasons: [] };
  }
}

async function examine(
  backend: Backend,
  machine: Machine,
  tryOnce: (libraries: RuntimeLibraries, backend: Backend) => Promise<ProbeResult>,
): Promise<RuntimeFinding> {
  const named = describePackage(backend);
  let libraries: RuntimeLibraries;
  try {
    libraries = machine.find(backend);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const code = (error as { code?: unknown }).code;
    const state = code === "ERR_RUNTIME_NOT_FOUND" ? "not installed" : "broken";
    return { backend, ...named, state, problem, devices: [] };
  }
  const folder = { folder: libraries.folder };
  const damage = backend === "cpu" ? undefined : machine.damage(libraries, backend);
  if (damage !== undefined) return { backend, ...named, ...folder, state: "broken", problem: damage, devices: [] };
  const result = await tryOnce(libraries, backend);
  const cpuLibrary = backend === "cpu" && result.cpuLibrary !== undefined ? { cpuLibrary: result.cpuLibrary } : {};
  const found = { backend, ...named, ...folder, ...cpuLibrary };
  const devices = devicesFor(result, backend);
  const problem = problemFor(result, backend, machine, libraries);
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
  machine: Machine,
  libraries: RuntimeLibraries,
): { problem?: string } {
  if (backend === "cpu") return result.opened ? {} : { problem: explainRuntime(libraries, result.problem ?? "") };
  const reason = reasonAgainst(result, backend, "asked for") ?? result.problem;
  if (reason === undefined) return {};
  if (!result.opened) return { problem: explainRuntime(libraries, reason) };
  // Without a driver there is nothing to find: that says more than the library or device that was looked for in vain.
  const missing = /could not be opened|found no device/.test(reason) ? machine.missing(backend) : undefined;
  return { problem: missing === undefined ? explainReason(libraries, reason) : `${missing}.` };
}

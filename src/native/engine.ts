/** Opens the addon and a llama.cpp runtime for a choice of backend. */
import { isStarlingError, NativeError } from "../errors.ts";
import type { NativeAddon, NativeDevice, RuntimeInfo, RuntimeLibraries } from "./addon.ts";
import {
  type BackendChoice,
  type BackendReason,
  chooseBackend,
  confirmBackend,
  type Machine,
  PROBE_VARIABLE,
  reasonAgainst,
  recallBackend,
  thisMachine,
  UnusableRuntime,
} from "./choose-backend.ts";
import { deviceBackend, isSoftware, usableDevices } from "./devices.ts";
import { crashReason, explainRuntime } from "./explain-runtime.ts";
import { explainLack, gpuFacts } from "./gpu-lacks.ts";
import { loadAddon } from "./load-addon.ts";
import type { Backend, GpuBackend } from "./platforms.ts";
import { findRuntime, RUNTIME_VARIABLE } from "./runtime-folder.ts";

export type { BackendReason } from "./choose-backend.ts";
export type { Backend, GpuBackend } from "./platforms.ts";

/**
 * Where the layers run. `auto`: CUDA, Metal or Vulkan, the first that works here, else the CPU; each is tried in a process
 * of its own, once. `off`: the CPU.
 */
export type GpuChoice = "auto" | "off" | GpuBackend;

export interface Engine {
  readonly addon: NativeAddon;
  readonly runtimeInfo: RuntimeInfo;
  /** What models should run on: the runtime's devices that fit the choice. */
  readonly backend: Backend;
  /** The graphics processors of that backend that a model may use, in order; none on the CPU. */
  readonly devices: readonly NativeDevice[];
  /** Why the preferred backends were not used. */
  readonly reasons: readonly BackendReason[];
}

/** Why other backends than the open runtime's were not used, for later calls of this thread. */
let openingReasons: { readonly folder: string; readonly reasons: readonly BackendReason[] } | undefined;

/**
 * A process holds one runtime: later calls, of any thread, get the one that is open if it fits their choice. `off` fits
 * every runtime, `auto` takes the open one.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT, ERR_RUNTIME_NOT_FOUND or ERR_RUNTIME_UNUSABLE
 */
export async function openEngine({ gpu }: { gpu: GpuChoice }): Promise<Engine> {
  const addon = loadAddon();
  const runtimeInfo = addon.currentRuntime() ?? (await openRuntime(addon, gpu));
  const backend = pickBackend(runtimeInfo, gpu);
  const devices = backend === "cpu" ? [] : usableDevices(runtimeInfo.devices, backend);
  return { addon, runtimeInfo, backend, devices, reasons: reasonsFor(runtimeInfo, backend, gpu) };
}

async function openRuntime(addon: NativeAddon, gpu: GpuChoice): Promise<RuntimeInfo> {
  const { libraries, reasons } = await choose(gpu);
  const crash = crashReason(libraries);
  if (crash !== undefined) throw unusable(libraries, new Error(crash));
  try {
    const info = await addon.openRuntime(libraries);
    openingReasons = { folder: info.folder, reasons };
    return info;
  } catch (cause) {
    // Two threads may have asked at the same time: the first one's runtime counts.
    const current = addon.currentRuntime();
    if (current !== undefined) return current;
    throw unusable(libraries, cause);
  }
}

async function choose(gpu: GpuChoice): Promise<BackendChoice> {
  if (gpu === "off") return { backend: "cpu", libraries: findRuntime("cpu"), reasons: [] };
  try {
    return gpu === "auto" ? await chooseBackend(thisMachine()) : await confirmBackend(gpu, thisMachine());
  } catch (error) {
    const lack = gpu === "auto" ? undefined : explainLack(gpu, error, gpuFacts());
    if (lack !== undefined) throw lack;
    if (error instanceof UnusableRuntime) throw unusable(error.libraries, error);
    throw error;
  }
}

function unusable(libraries: RuntimeLibraries, cause: unknown): NativeError {
  if (isStarlingError(cause)) return cause as NativeError;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NativeError(
    "ERR_RUNTIME_UNUSABLE",
    `The llama.cpp runtime in ${libraries.folder} cannot be used: ${explainRuntime(libraries, reason)}`,
    { cause },
  );
}

/**
 * The backend that {@link openEngine} would most likely take; nothing is opened or tried, but what is remembered counts.
 */
export function likelyBackend(gpu: GpuChoice): Backend {
  if (gpu === "off") return "cpu";
  if (gpu !== "auto") return gpu;
  const machine = thisMachine();
  const likely = machine.backends.find((backend) => {
    if (backend === "cpu") return true;
    if (machine.missing(backend) !== undefined || !isWhole(machine, backend)) return false;
    const known = process.env[PROBE_VARIABLE] === "off" ? undefined : recallBackend(backend);
    return known === undefined || reasonAgainst(known, backend, "auto") === undefined;
  });
  return likely ?? "cpu";
}

function isWhole(machine: Machine, backend: GpuBackend): boolean {
  try {
    return machine.damage(machine.find(backend), backend) === undefined;
  } catch {
    return false;
  }
}

/** The devices that {@link likelyBackend} was found to have; none where that is not known. */
export function likelyDevices(backend: Backend): readonly NativeDevice[] {
  if (backend === "cpu") return [];
  return usableDevices(recallBackend(backend)?.devices ?? [], backend);
}

function pickBackend(runtime: RuntimeInfo, gpu: GpuChoice): Backend {
  if (gpu === "off") return "cpu";
  if (gpu === "auto")
    return (
      runtime.devices
        .filter((device) => !isSoftware(device))
        .map(deviceBackend)
        .find(Boolean) ?? "cpu"
    );
  if (runtime.devices.some((device) => deviceBackend(device) === gpu)) return gpu;
  const why = runtime.backendProblem === undefined ? "" : ` (${runtime.backendProblem})`;
  const error = new NativeError(
    "ERR_RUNTIME_UNUSABLE",
    `The llama.cpp runtime in ${runtime.folder} found no device for the backend ${gpu}${why}. A process uses one ` +
      `runtime, chosen by the first model that it loads or by ${RUNTIME_VARIABLE}.`,
  );
  throw explainLack(gpu, error, gpuFacts()) ?? error;
}

function reasonsFor(runtime: RuntimeInfo, backend: Backend, gpu: GpuChoice): readonly BackendReason[] {
  if (gpu !== "auto") return [];
  const known = openingReasons?.folder === runtime.folder ? openingReasons.reasons : [];
  const { backends } = thisMachine();
  return backends.slice(0, backends.indexOf(backend)).map((other) => {
    const reason = known.find((entry) => entry.backend === other)?.reason ?? runtime.backendProblem;
    return { backend: other, reason: reason ?? `this process already uses the runtime in ${runtime.folder}` };
  });
}

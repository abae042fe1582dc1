/** Opens the addon and a llama.cpp runtime for a choice of backend. */
import { NativeError } from "../errors.ts";
import type { NativeAddon, NativeDevice, RuntimeInfo, RuntimeLibraries } from "./addon.ts";
import { loadAddon } from "./load-addon.ts";
import {
  type Backend,
  findRuntime,
  type GpuBackend,
  hasNvidiaDriver,
  hasRuntime,
  RUNTIME_VARIABLE,
} from "./runtime-folder.ts";

export type { Backend, GpuBackend } from "./runtime-folder.ts";

/**
 * Where the layers run. `auto`: CUDA where its package and driver are there, Metal on Apple Silicon, else the CPU. `off`:
 * the CPU.
 */
export type GpuChoice = "auto" | "off" | GpuBackend;

export interface Engine {
  readonly addon: NativeAddon;
  readonly runtimeInfo: RuntimeInfo;
  /** What models should run on: of the runtime's devices, the kind that fits the choice. */
  readonly backend: Backend;
}

/**
 * A process holds one runtime: later calls, of any thread, get the one that is open if it fits their choice. `off` fits
 * every runtime, `auto` takes what is there.
 *
 * @throws NativeError ERR_ADDON_NOT_BUILT, ERR_RUNTIME_NOT_FOUND or ERR_RUNTIME_UNUSABLE
 */
export async function openEngine({ gpu }: { gpu: GpuChoice }): Promise<Engine> {
  const addon = loadAddon();
  const runtimeInfo = addon.currentRuntime() ?? (await openRuntime(addon, gpu));
  return { addon, runtimeInfo, backend: pickBackend(runtimeInfo, gpu) };
}

async function openRuntime(addon: NativeAddon, gpu: GpuChoice): Promise<RuntimeInfo> {
  const libraries = findRuntime(likelyBackend(gpu));
  try {
    return await addon.openRuntime(libraries);
  } catch (cause) {
    // Two threads may have asked at the same time: the first one's runtime counts.
    const current = addon.currentRuntime();
    if (current !== undefined) return current;
    throw unusable(libraries, cause);
  }
}

function unusable(libraries: RuntimeLibraries, cause: unknown): NativeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NativeError(
    "ERR_RUNTIME_UNUSABLE",
    `The llama.cpp runtime in ${libraries.folder} cannot be used: ${reason}`,
    { cause },
  );
}

/** The backend that {@link openEngine} would try first; nothing is opened. */
export function likelyBackend(gpu: GpuChoice): Backend {
  if (gpu === "off") return "cpu";
  if (gpu !== "auto") return gpu;
  if (process.platform === "darwin" && process.arch === "arm64") return "metal";
  return hasRuntime("cuda") && hasNvidiaDriver() ? "cuda" : "cpu";
}

function pickBackend(runtime: RuntimeInfo, gpu: GpuChoice): Backend {
  if (gpu === "off") return "cpu";
  const found = runtime.devices.map(deviceBackend).filter((backend) => backend !== undefined);
  if (gpu === "auto") return found[0] ?? "cpu";
  if (found.includes(gpu)) return gpu;
  const why = runtime.backendProblem === undefined ? "" : ` (${runtime.backendProblem})`;
  throw new NativeError(
    "ERR_RUNTIME_UNUSABLE",
    `The llama.cpp runtime in ${runtime.folder} found no device for the backend ${gpu}${why}. A process holds one ` +
      `runtime: the first model that is loaded, or ${RUNTIME_VARIABLE}, decides which.`,
  );
}

/** Which backend a device is of; undefined for processors. */
export function deviceBackend(device: Pick<NativeDevice, "name" | "type">): GpuBackend | undefined {
  if (device.type !== "gpu" && device.type !== "igpu") return undefined;
  if (/^CUDA/i.test(device.name)) return "cuda";
  if (/^Vulkan/i.test(device.name)) return "vulkan";
  return /^(?:Metal|MTL)/i.test(device.name) ? "metal" : undefined;
}

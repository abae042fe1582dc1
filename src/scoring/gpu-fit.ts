/** How many layers fit the free memory of graphics processors: pure arithmetic over numbers from the header. */
import { GIBIBYTE } from "../byte-units.ts";
import type { NativeDevice, SplitMode } from "../native/addon.ts";
import { deviceBackend, sharesMemory } from "../native/devices.ts";

/** Bytes of a model's parts, as it is to be loaded. */
export interface ModelParts {
  /** Weights of each layer. */
  readonly layers: readonly number[];
  /** The token embedding stays with the processor; a device that gets the output layer holds a copy of it. */
  readonly embedding: number;
  /** Keys and values of one layer. */
  readonly keyValue: number;
  /** What each device computes in, at most. */
  readonly compute: number;
}

/** A device that may hold layers. */
export interface FitDevice {
  readonly name: string;
  /** Bytes that may be used; undefined if unknown. */
  readonly free: number | undefined;
  /** Its memory is the machine's: its use counts there too, once. */
  readonly shared: boolean;
}

export interface Fit {
  /** n_gpu_layers for llama.cpp: layers from the last one on, the output layer counted as one. */
  readonly gpuLayers: number;
  /** Layers of the model that the devices hold. */
  readonly layers: number;
  readonly perDevice: readonly { readonly name: string; readonly need: number; readonly free: number | undefined }[];
  /** Bytes that the machine's own memory must hold. */
  readonly host: number;
}

const MEBIBYTE = 1024 ** 2;

/**
 * Left free on each device for what the header does not say: the driver's context and its libraries' work space (300 to 500 MiB
 * with CUDA), what grows while it computes, and the screen. As much as llama.cpp leaves by default (--fit-target, common.h).
 */
export const DEVICE_RESERVE_BYTES = 1024 * MEBIBYTE;

/** Macs with less memory than this give two thirds of it to graphics, those with more three quarters. */
const LARGE_MAC_BYTES = 36 * GIBIBYTE;

/**
 * What Metal recommends to use at most (`recommendedMaxWorkingSetSize`), for where it is not reported. llama.cpp's users'
 * logs: 5461 MiB of 8 GiB (issue 5207), 10923 of 16, 21845 of 32 (pull request 2011), but 27648 of 36 and 49152 of 64
 * (issue 1870). Newer releases of macOS recommend more on the largest machines, so this is the least. The limit itself can be
 * raised with `sudo sysctl iogpu.wired_limit_mb`.
 */
export function metalWorkingSet(memoryTotal: number): number {
  return Math.floor(memoryTotal < LARGE_MAC_BYTES ? (memoryTotal * 2) / 3 : (memoryTotal * 3) / 4);
}

/** Left to macOS and other programs, whatever Metal may use. */
const MAC_RESERVE_BYTES = 4 * GIBIBYTE;

/**
 * The command that lets Metal use that many bytes, until the Mac restarts; undefined where too little would be left.
 *
 * @param machineMemory bytes of the whole machine
 */
export function raiseMetalLimit(need: number, machineMemory: number): string | undefined {
  const mebibytes = Math.ceil((need + DEVICE_RESERVE_BYTES) / MEBIBYTE);
  if (mebibytes * MEBIBYTE > machineMemory - MAC_RESERVE_BYTES) return undefined;
  return `sudo sysctl iogpu.wired_limit_mb=${mebibytes}`;
}

/** @param machineMemory bytes of the whole machine, for devices that share it and report nothing */
export function fitDevice(device: NativeDevice, machineMemory: number): FitDevice {
  const { name, memoryFree, memoryTotal } = device;
  const shared = sharesMemory(device);
  if (memoryTotal > 0) return { name, free: Math.min(memoryFree, memoryTotal), shared };
  return { name, free: deviceBackend(device) === "metal" ? metalWorkingSet(machineMemory) : undefined, shared };
}

/**
 * What is where with this many layers on the devices. llama.cpp hands the last layers out in order, to each device a part
 * as large as its part of all free memory (llama_model_base::load_tensors).
 */
export function placeLayers(parts: ModelParts, devices: readonly FitDevice[], gpuLayers: number): Fit {
  const count = parts.layers.length;
  const taken = devices.length === 0 ? 0 : Math.max(0, Math.min(gpuLayers, count + 1));
  const first = count + 1 - taken;
  const bounds = splitBounds(devices);
  const needs = devices.map(() => 0);
  let host = parts.embedding;
  for (let layer = 0; layer <= count; layer++) {
    const isOutput = layer === count;
    const bytes = isOutput ? parts.embedding : (parts.layers[layer] ?? 0) + parts.keyValue;
    // The processor's output layer is the embedding that it has anyway.
    if (layer < first) host += isOutput ? 0 : bytes;
    else {
      const at = bounds.findIndex((bound) => (layer - first) / taken < bound);
      const index = at === -1 ? devices.length - 1 : at;
      needs[index] = (needs[index] ?? 0) + bytes;
    }
  }
  const perDevice = devices.map(({ name, free }, i) => {
    const layers = needs[i] ?? 0;
    return { name, need: layers === 0 ? 0 : layers + parts.compute, free };
  });
  host += parts.compute;
  devices.forEach(({ shared }, i) => {
    if (shared) host += perDevice[i]?.need ?? 0;
  });
  return { gpuLayers: taken, layers: Math.max(0, taken - 1), perDevice, host };
}

/** Running sums of each device's part; a device of unknown memory gets the average of the others. */
function splitBounds(devices: readonly FitDevice[]): number[] {
  const known = devices.map(({ free }) => free).filter((free) => free !== undefined);
  const average = known.length === 0 ? 1 : known.reduce((sum, free) => sum + free, 0) / known.length;
  const weights = devices.map(({ free }) => free ?? average);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight) => {
    sum += weight;
    return total === 0 ? 1 : sum / total;
  });
}

/** Whether no device needs more than it has free, minus the reserve. */
export function fitsDevices(fit: Fit, reserve: number): boolean {
  return fit.perDevice.every(({ need, free }) => need === 0 || free === undefined || need + reserve <= free);
}

/** The most layers that fit with each device keeping its reserve; none if not even one does. */
export function fitLayers(parts: ModelParts, devices: readonly FitDevice[]): Fit {
  // From all downwards, because one layer more may also move another layer to the device that has room.
  for (let gpuLayers = parts.layers.length + 1; gpuLayers > 1; gpuLayers--) {
    const fit = placeLayers(parts, devices, gpuLayers);
    if (fitsDevices(fit, DEVICE_RESERVE_BYTES)) return fit;
  }
  return placeLayers(parts, devices, 0);
}

/** The devices that hold layers in this split mode: with "none" only the main one. */
export function devicesOf<T>(devices: readonly T[], splitMode: SplitMode, mainDevice: number): readonly T[] {
  return splitMode === "none" ? devices.slice(mainDevice, mainDevice + 1) : devices;
}

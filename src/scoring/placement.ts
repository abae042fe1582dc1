/** Where a model's layers go: as requested, or as many as fit. Decided before anything is loaded. */
import { totalmem } from "node:os";
import { byteSize } from "../byte-units.ts";
import { InvalidInputError, NativeError } from "../errors.ts";
import type { NativeDevice } from "../native/addon.ts";
import type { Backend } from "../native/engine.ts";
import {
  DEVICE_RESERVE_BYTES,
  devicesOf,
  type Fit,
  type FitDevice,
  fitDevice,
  fitLayers,
  fitsDevices,
  type ModelParts,
  placeLayers,
  raiseMetalLimit,
} from "./gpu-fit.ts";
import { BATCH_SEQUENCES, type LoadPlan, planLoad } from "./load-plan.ts";
import { assertFits, type MemoryNeed, memoryNeed } from "./memory.ts";
import type { ModelFile } from "./model-file.ts";
import { packedWeights } from "./own-kernel-memory.ts";
import type { LoadRewardModelOptions } from "./types.ts";

type Options = Omit<LoadRewardModelOptions, "modelPath">;

/** Where a model may run: the backend, and its devices in order. */
export interface Place {
  readonly backend: Backend;
  readonly devices: readonly NativeDevice[];
}

export interface Placement {
  readonly backend: Backend;
  readonly plan: LoadPlan;
  readonly need: MemoryNeed;
  /** Of a model with layers on devices. */
  readonly fit?: Fit;
  /** Why no layer is placed on the devices. */
  readonly reason?: string;
  /** The command that makes room for all layers: Metal's limit can be raised. */
  readonly moreRoom?: string;
  /** Why our own kernels do not compute it although they may, half a sentence. */
  readonly withoutOwnKernels?: string;
}

/**
 * As {@link placeModel}. Our own kernels need more memory than llama.cpp's: where only theirs fits, theirs compute.
 *
 * @param available bytes that the machine has free; undefined where that is not known
 */
export function placeWithin(file: ModelFile, options: Options, place: Place, available: number | undefined): Placement {
  const placement = placeModel(file, options, place);
  const fits = available === undefined || placement.need.total <= available;
  if (fits || placement.backend !== "cpu" || options.checkMemory === false) return placement;
  const without = placeModel(file, { ...options, kernels: "off" }, place);
  if (without.need.total >= placement.need.total) return placement;
  return { ...without, withoutOwnKernels: "packed for them, the weights would not fit into the memory that is free" };
}

/**
 * @param machineMemory bytes of the whole machine
 * @throws InvalidInputError if that main device does not exist
 */
export function placeModel(
  file: ModelFile,
  options: Options,
  place: Place,
  machineMemory: number = totalmem(),
): Placement {
  const { backend } = place;
  if (backend === "cpu" || options.gpuLayers === 0) return onProcessor(file, options);
  const plan = planLoad(file, options, backend);
  const devices = chosenDevices(options, place).map((device) => fitDevice(device, machineMemory));
  const need = memoryNeed(file.shape, file.weightBytes, { ...plan, windowed: hasWindows(file) }, backend);
  // A prediction may not know the devices.
  if (devices.length === 0) return { backend, plan, need };
  const parts = partsOf(file, need);
  const fit = layersOn(parts, devices, options);
  const command = backend === "metal" ? commandForAll(parts, devices, machineMemory) : undefined;
  const moreRoom = command === undefined ? {} : { moreRoom: command };
  if (fit.gpuLayers === 0 && (options.gpu ?? "auto") === "auto")
    return { ...onProcessor(file, options), ...moreRoom, reason: tooSmall(parts, devices, command) };
  const names = chosenDevices(options, place).map(({ name }) => name);
  // With "none" only the main device is passed on: it is then the first.
  const mainDevice = options.splitMode === "none" ? 0 : plan.mainDevice;
  return {
    backend,
    need,
    fit,
    ...moreRoom,
    plan: { ...plan, gpuLayers: nativeLayers(fit, parts), mainDevice, devices: names },
  };
}

function onProcessor(file: ModelFile, options: Options): Placement {
  const plan = planLoad(file, options, "cpu");
  const packed = options.kernels === "off" ? undefined : packedWeights(file.weightSamples);
  const weights = file.weightBytes + (packed === undefined ? 0 : packed.inMemory - packed.inFile);
  const settings = { ...plan, windowed: hasWindows(file) };
  const need = memoryNeed(file.shape, weights, settings, "cpu");
  if (packed === undefined || packed.inMemory === 0) return { backend: "cpu", plan, need };
  // If our own kernels compute everything: flash attention, and batches of several sequences in exact mode, too.
  const withOwn = { ...settings, maxSequences: BATCH_SEQUENCES, flashAttention: true };
  const ownNeed = memoryNeed(file.shape, weights, withOwn, "cpu");
  return { backend: "cpu", plan, need: ownNeed.total > need.total ? ownNeed : need };
}

function hasWindows({ trunk }: ModelFile): boolean {
  return trunk.window?.masked === "graph";
}

function chosenDevices({ splitMode = "layer", mainDevice = 0 }: Options, { devices, backend }: Place) {
  if (devices.length > 0 && mainDevice >= devices.length)
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The mainDevice ${mainDevice} does not exist: the backend ${backend} has ${devices.length} ` +
        `(${devices.map(({ name }, i) => `${i} is ${name}`).join(", ")}).`,
      { field: "mainDevice" },
    );
  return devicesOf(devices, splitMode, mainDevice);
}

function partsOf(file: ModelFile, need: MemoryNeed): ModelParts {
  return {
    layers: file.layerBytes,
    embedding: file.embeddingBytes,
    keyValue: need.keyValue / file.layerBytes.length,
    compute: need.compute,
  };
}

function layersOn(parts: ModelParts, devices: readonly FitDevice[], options: Options): Fit {
  const { gpuLayers = "auto", gpu = "auto", checkMemory } = options;
  const all = parts.layers.length + 1;
  if (gpuLayers !== "auto") return placeLayers(parts, devices, gpuLayers === "all" ? all : gpuLayers);
  const fit = fitLayers(parts, devices);
  // A caller that names this GPU and disables the check gets it.
  return fit.gpuLayers === 0 && gpu !== "auto" && checkMemory === false ? placeLayers(parts, devices, all) : fit;
}

function nativeLayers(fit: Fit, { layers }: ModelParts): number {
  return fit.gpuLayers > layers.length ? -1 : fit.gpuLayers;
}

/** Undefined where all layers fit anyway. */
function commandForAll(parts: ModelParts, devices: readonly FitDevice[], machineMemory: number): string | undefined {
  const all = placeLayers(parts, devices, parts.layers.length + 1);
  if (fitsDevices(all, DEVICE_RESERVE_BYTES)) return undefined;
  return raiseMetalLimit(Math.max(...all.perDevice.map(({ need }) => need)), machineMemory);
}

function tooSmall(parts: ModelParts, devices: readonly FitDevice[], command: string | undefined): string {
  const least = Math.max(...placeLayers(parts, devices, 2).perDevice.map(({ need }) => need));
  const free = devices.map(({ name, free: bytes }) => `${name} has ${byteSize(bytes ?? 0)} free`).join(", ");
  const advice = command === undefined ? "" : `; \`${command}\` makes room for all`;
  return `too little memory is free there for even one layer, which takes ${byteSize(least)} (${free})${advice}`;
}

/**
 * @param available bytes that the machine has free; undefined where that is not known
 * @throws NativeError ERR_OUT_OF_MEMORY when the machine or a device has too little
 */
export function assertPlacementFits(path: string, placement: Placement, available: number | undefined): void {
  const { need, fit, plan, moreRoom } = placement;
  const raise =
    moreRoom === undefined ? "" : `, or let Metal use more memory (until the next restart): \`${moreRoom}\``;
  if (fit === undefined) {
    assertFits(path, need, available, plan.contextTokens);
    return;
  }
  if (fit.gpuLayers === 0)
    throw outOfMemory(path, "not even one layer fits the free memory of", fit, `Use the CPU (gpu: off)${raise}`);
  if (!fitsDevices(fit, 0))
    throw outOfMemory(
      path,
      `${fit.layers} layers do not fit`,
      fit,
      `Set gpuLayers to "auto", which takes as many as fit, or use a smaller quantisation${raise}`,
    );
  if (available !== undefined && fit.host > available)
    throw new NativeError(
      "ERR_OUT_OF_MEMORY",
      `${path} needs ${byteSize(fit.host)} of this machine's memory beside ${fit.layers} layers on ` +
        `${fit.perDevice.map(({ name }) => name).join(", ")}, but ${byteSize(available)} are free. ` +
        "Use a smaller quantisation, or close other programs.",
      { file: path },
    );
}

function outOfMemory(path: string, what: string, { perDevice }: Fit, advice: string): NativeError {
  const devices = perDevice.map(({ name, need, free }) => {
    const needed = need === 0 ? "" : ` of ${byteSize(need)} needed`;
    return `${name}: ${free === undefined ? "unknown" : byteSize(free)} free${needed}`;
  });
  return new NativeError("ERR_OUT_OF_MEMORY", `${path}: ${what} (${devices.join("; ")}). ${advice}.`, { file: path });
}

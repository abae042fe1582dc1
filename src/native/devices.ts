/** The devices of a runtime: which backend each is of, and which of them a model may use. */
import type { NativeDevice } from "./addon.ts";
import type { GpuBackend } from "./platforms.ts";

/** Which backend a device is of; undefined for processors. */
export function deviceBackend(device: Pick<NativeDevice, "name" | "type">): GpuBackend | undefined {
  if (device.type !== "gpu" && device.type !== "igpu") return undefined;
  if (/^CUDA/i.test(device.name)) return "cuda";
  if (/^Vulkan/i.test(device.name)) return "vulkan";
  return /^(?:Metal|MTL)/i.test(device.name) ? "metal" : undefined;
}

/**
 * Vulkan drivers that run on the CPU say so in their names (Mesa's lavapipe and its LLVM back end, Google's
 * SwiftShader, Microsoft's Direct3D fallback). They are far slower than the CPU backend.
 */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|Microsoft Basic Render/i;

export function isSoftware(device: Pick<NativeDevice, "description">): boolean {
  return SOFTWARE.test(device.description);
}

/**
 * The devices that a model may use with a backend, in their order: discrete graphics processors, or without one
 * the integrated ones, as llama.cpp chooses. One that runs on the CPU counts only if there is no other.
 */
export function usableDevices(devices: readonly NativeDevice[], backend: GpuBackend): NativeDevice[] {
  const all = devices.filter((device) => deviceBackend(device) === backend);
  const real = all.filter((device) => !isSoftware(device));
  const candidates = real.length > 0 ? real : all;
  const own = candidates.filter(({ type }) => type === "gpu");
  return own.length > 0 ? own : candidates;
}

/** Whether the device shares the machine's memory: then what is on it counts there too. */
export function sharesMemory(device: Pick<NativeDevice, "name" | "type" | "description">): boolean {
  return device.type === "igpu" || isSoftware(device) || deviceBackend(device) === "metal";
}

/** Which backends do not exist on a platform, whatever is installed. Pure. */
import { TRANSLATED } from "./explain-mac.ts";
import type { GpuBackend, Platform } from "./platforms.ts";

/** Half a sentence; undefined where a platform may have the backend. */
export function neverOn(
  backend: GpuBackend,
  { platform, translated }: { readonly platform: Platform; readonly translated: boolean },
): string | undefined {
  const { os, arch } = platform;
  if (backend === "metal") {
    if (os === "darwin" && arch === "arm64") return undefined;
    return os === "darwin" && translated ? TRANSLATED : "Metal is available only on Macs with Apple silicon";
  }
  if (os !== "darwin") return undefined;
  return backend === "cuda" ? "macOS has no CUDA" : "there is no Vulkan runtime for macOS";
}

/** Whether a machine seems to have a GPU, judged by driver files without loading any. Takes no time. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { listIfReadable } from "../files/optional-files.ts";
import { neverOn } from "./gpu-never.ts";
import { isTranslated, macSysctl } from "./mac-system.ts";
import { type GpuBackend, here, type Platform } from "./platforms.ts";

/** What a look at the file system needs; for tests. */
export interface System {
  readonly platform: Platform;
  readonly env: NodeJS.ProcessEnv;
  /** The folder used as "/". */
  readonly root: string;
  /** Whether Rosetta translates this process; found out where it is absent. */
  readonly translated?: boolean;
}

export const thisSystem: System = { platform: here, env: process.env, root: "/" };

export interface GpuSign {
  /** Files whose change means that the driver changed. */
  readonly files: readonly string[];
  /** Why there can be no such device, and what is missing; absent where there may be one. */
  readonly missing?: string;
}

/** Changes with macOS, which Metal is a part of. */
const SYSTEM_VERSION = "System/Library/CoreServices/SystemVersion.plist";

export function gpuSign(backend: GpuBackend, around: System = thisSystem): GpuSign {
  const { platform, root, translated = isTranslated(macSysctl()) } = around;
  const never = neverOn(backend, { platform, translated });
  if (never !== undefined) return { files: [], missing: never };
  if (backend === "metal") return { files: [join(root, SYSTEM_VERSION)] };
  return backend === "cuda" ? nvidiaSign(around) : vulkanSign(around);
}

function nvidiaSign({ platform, env, root }: System): GpuSign {
  const driver =
    platform.os === "win32"
      ? first([systemFolder(env)], ["nvcuda.dll"])
      : first(libraryFolders(env, root), ["libcuda.so.1"]);
  if (driver === undefined) return { files: [], missing: "no NVIDIA driver is installed" };
  return { files: [driver, ...deviceFiles(root, "dev", /^nvidia\d+$/)] };
}

/** lvp is Mesa's driver that runs on the CPU: slower than our own CPU backend. */
const SOFTWARE_DRIVER = /^(?:lvp|lavapipe|vk_swiftshader)/i;

function vulkanSign({ platform, env, root }: System): GpuSign {
  if (platform.os === "win32") {
    const loader = first([systemFolder(env)], ["vulkan-1.dll"]);
    // Which drivers there are is in the registry, which only the loader reads.
    return loader === undefined ? { files: [], missing: "no Vulkan loader is installed" } : { files: [loader] };
  }
  const loader = first(libraryFolders(env, root), ["libvulkan.so.1"]);
  if (loader === undefined) return { files: [], missing: "no Vulkan loader (libvulkan.so.1) is installed" };
  const drivers = vulkanDrivers(env, root);
  const nodes = [
    ...deviceFiles(root, "dev/dri", /^renderD\d+$/),
    // NVIDIA's driver does not need /dev/dri, and WSL exposes the GPUs of Windows as dxg.
    ...deviceFiles(root, "dev", /^(?:nvidia\d+|dxg)$/),
  ];
  const files = [loader, ...drivers, ...nodes];
  if (drivers.length === 0) return { files, missing: "no Vulkan driver is installed" };
  if (drivers.every((path) => SOFTWARE_DRIVER.test(path.slice(path.lastIndexOf("/") + 1))))
    return { files, missing: "the only Vulkan driver runs on the CPU" };
  // Distributions install all drivers together, whether there is a GPU or not.
  if (nodes.length === 0) return { files, missing: "the system has no graphics device (/dev/dri/renderD*)" };
  return { files };
}

/** The manifests of drivers (ICDs), where the Vulkan loader looks for them. */
function vulkanDrivers(env: NodeJS.ProcessEnv, root: string): string[] {
  const named = env["VK_DRIVER_FILES"] || env["VK_ICD_FILENAMES"];
  if (named) return named.split(delimiter).filter((path) => path !== "" && existsSync(path));
  const shared = (env["XDG_DATA_DIRS"] || "").split(delimiter).filter((path) => path !== "");
  const folders = [
    join(env["XDG_DATA_HOME"] || join(homedir(), ".local", "share"), "vulkan", "icd.d"),
    ...shared.map((path) => join(path, "vulkan", "icd.d")),
    ...["usr/share", "usr/local/share", "etc", "run/opengl-driver/share"].map((path) =>
      join(root, path, "vulkan", "icd.d"),
    ),
  ];
  return [...new Set(folders)].flatMap((folder) =>
    (listIfReadable(folder) ?? []).filter((name) => name.endsWith(".json")).map((name) => join(folder, name)),
  );
}

/** Where the system's loader finds libraries, as far as it can be known without its cache. */
function libraryFolders(env: NodeJS.ProcessEnv, root: string): string[] {
  return [
    ...(env["LD_LIBRARY_PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
    ...[
      "usr/lib/x86_64-linux-gnu",
      "usr/lib/aarch64-linux-gnu",
      "usr/lib64",
      "usr/lib",
      "usr/lib/wsl/lib",
      "usr/local/lib",
      "usr/local/nvidia/lib64",
      "run/opengl-driver/lib",
    ].map((folder) => join(root, folder)),
  ];
}

function systemFolder(env: NodeJS.ProcessEnv): string {
  return join(env["SystemRoot"] ?? "C:\\Windows", "System32");
}

function first(folders: readonly string[], names: readonly string[]): string | undefined {
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
}

function deviceFiles(root: string, folder: string, name: RegExp): string[] {
  return (listIfReadable(join(root, folder)) ?? [])
    .filter((entry) => name.test(entry))
    .map((entry) => join(root, folder, entry));
}

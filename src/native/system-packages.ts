/** The command that installs something with the system's own package manager. */
import { readTextIfReadable } from "../files/optional-files.ts";
import type { GpuBackend } from "./platforms.ts";

export type SystemPart = "nvidia-driver" | "cuda-runtime" | "vulkan-loader" | "vulkan-driver" | "libgomp" | "libstdc++";
type Family = "ubuntu" | "debian" | "fedora" | "suse" | "arch" | "alpine";

const commands: Readonly<Record<SystemPart, Partial<Record<Family, string>>>> = {
  "nvidia-driver": {
    ubuntu: "sudo ubuntu-drivers install",
    debian: "sudo apt-get install nvidia-driver",
    fedora: "sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda",
    arch: "sudo pacman -S nvidia nvidia-utils",
  },
  // Of NVIDIA's own package repositories, apart from Arch's.
  "cuda-runtime": {
    debian: "sudo apt-get install cuda-cudart-13-0 libcublas-13-0",
    fedora: "sudo dnf install cuda-cudart-13-0 libcublas-13-0",
    suse: "sudo zypper install cuda-cudart-13-0 libcublas-13-0",
    arch: "sudo pacman -S cuda",
  },
  "vulkan-loader": {
    debian: "sudo apt-get install libvulkan1",
    fedora: "sudo dnf install vulkan-loader",
    suse: "sudo zypper install libvulkan1",
    arch: "sudo pacman -S vulkan-icd-loader",
  },
  "vulkan-driver": {
    debian: "sudo apt-get install mesa-vulkan-drivers",
    fedora: "sudo dnf install mesa-vulkan-drivers",
    suse: "sudo zypper install libvulkan_radeon libvulkan_intel",
    arch: "sudo pacman -S vulkan-radeon vulkan-intel",
  },
  libgomp: {
    debian: "sudo apt-get install libgomp1",
    fedora: "sudo dnf install libgomp",
    suse: "sudo zypper install libgomp1",
    arch: "sudo pacman -S gcc-libs",
    alpine: "sudo apk add libgomp",
  },
  "libstdc++": {
    debian: "sudo apt-get install libstdc++6",
    fedora: "sudo dnf install libstdc++",
    suse: "sudo zypper install libstdc++6",
    arch: "sudo pacman -S gcc-libs",
    alpine: "sudo apk add libstdc++",
  },
};

/** Which part brings a library that was not found. */
const providers: readonly (readonly [RegExp, SystemPart])[] = [
  [/^libcuda\.so/, "nvidia-driver"],
  [/^libcu(?:dart|blas|blasLt)\.so/, "cuda-runtime"],
  [/^libvulkan\.so/, "vulkan-loader"],
  [/^libgomp\.so/, "libgomp"],
  [/^libstdc\+\+\.so/, "libstdc++"],
];

/** @param osRelease the text of /etc/os-release */
export function installSystemPart(part: SystemPart, osRelease: string = readOsRelease()): string | undefined {
  const known = commands[part];
  for (const family of families(osRelease)) if (known[family] !== undefined) return known[family];
  return undefined;
}

/** The command that installs a library of this file name; undefined if unknown. */
export function installLibrary(name: string, osRelease: string = readOsRelease()): string | undefined {
  const part = providers.find(([pattern]) => pattern.test(name))?.[1];
  return part === undefined ? undefined : installSystemPart(part, osRelease);
}

/** The command that installs what a GPU backend lacks, by the sentence of gpuSign(); undefined if unknown. */
export function driverCommand(backend: GpuBackend, missing: string, osRelease?: string): string | undefined {
  if (missing.includes("NVIDIA driver")) return installSystemPart("nvidia-driver", osRelease);
  if (backend !== "vulkan") return undefined;
  if (missing.includes("Vulkan loader")) return installSystemPart("vulkan-loader", osRelease);
  return missing.includes("Vulkan driver") ? installSystemPart("vulkan-driver", osRelease) : undefined;
}

/** From the most special to the most general: Linux Mint says that it is like Ubuntu, which is like Debian. */
function families(osRelease: string): Family[] {
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
  const names = `${value("ID")} ${value("ID_LIKE")}`.toLowerCase().split(/\s+/);
  const found: Family[] = [];
  if (names.includes("ubuntu")) found.push("ubuntu");
  if (names.some((name) => ["debian", "ubuntu"].includes(name))) found.push("debian");
  if (names.some((name) => ["fedora", "rhel", "centos"].includes(name))) found.push("fedora");
  if (names.some((name) => name.includes("suse"))) found.push("suse");
  if (names.includes("arch")) found.push("arch");
  if (names.includes("alpine")) found.push("alpine");
  return found;
}

function readOsRelease(): string {
  return readTextIfReadable("/etc/os-release") ?? "";
}

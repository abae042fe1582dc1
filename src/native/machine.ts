/** What this machine is, as far as it matters to llama.cpp. */
import { accessSync, constants } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";
import { join } from "node:path";
import { listIfReadable, readTextIfReadable } from "../files/optional-files.ts";
import { fastCores, isTranslated, macFeatures, macSysctl } from "./mac-system.ts";
import { glibcVersion } from "./platforms.ts";

/** The machine that this process runs on. */
export interface MachineDescription {
  /** Names as in process.platform and process.arch. */
  readonly os: string;
  /** Name as in process.arch. */
  readonly arch: string;
  /** Version of the kernel. */
  readonly release: string;
  /** The C library of Linux, for example "glibc 2.36"; the prebuilt runtimes need glibc. */
  readonly libc?: string;
  /** Version of Node. */
  readonly node: string;
  /** Version of Electron; absent outside it. */
  readonly electron?: string;
  /** Model name of the processor. */
  readonly processor: string;
  /** Threads that run at the same time. */
  readonly threads: number;
  /** On Apple silicon: whether Node was built for Intel, so that Rosetta translates it. */
  readonly translated?: boolean;
  /** Instruction sets that llama.cpp has kernels for; absent where the system does not tell. */
  readonly features?: readonly string[];
}

/** The names of Linux (/proc/cpuinfo) for what ggml-cpu's variants are chosen by. */
const FEATURES = [
  ...["sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni"],
  ...["avx512_vbmi", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"],
  ...["asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"],
];

export function describeMachine(): MachineDescription {
  const libc = process.platform === "linux" ? libcName() : undefined;
  const features = cpuFeatures();
  const electron = process.versions["electron"];
  return {
    os: process.platform,
    arch: process.arch,
    release: release(),
    ...(libc === undefined ? {} : { libc }),
    node: process.version,
    ...(electron === undefined ? {} : { electron }),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    ...(isTranslated(macSysctl()) ? { translated: true } : {}),
    ...(features === undefined ? {} : { features }),
  };
}

/** Threads to compute with: all that run at the same time; on a Mac the fast cores. */
export function computeThreads(): number {
  return Math.min(availableParallelism(), fastCores(macSysctl()) ?? Number.POSITIVE_INFINITY);
}

function libcName(): string {
  const version = glibcVersion();
  return version === undefined ? "musl" : `glibc ${version}`;
}

/** The same for processors that run the same kernels: machines that share a cache folder may have others. */
export function processorIdentity(): string {
  return [cpus()[0]?.model.trim(), ...(cpuFeatures() ?? [])].join(" ");
}

function cpuFeatures(): string[] | undefined {
  if (process.platform === "linux") return featuresOfLinux(readTextIfReadable("/proc/cpuinfo") ?? "");
  if (process.platform !== "darwin") return undefined;
  const there = macFeatures(macSysctl());
  return there.size === 0 ? undefined : FEATURES.filter((name) => there.has(name));
}

/** @internal Exported for its tests. */
export function featuresOfLinux(cpuinfo: string, arch: string = process.arch): string[] | undefined {
  // An emulator shows the file of the machine that it runs on.
  const line = (arch === "arm64" ? /^Features\s*:\s*(.*)$/m : /^flags\s*:\s*(.*)$/m).exec(cpuinfo)?.[1];
  if (line === undefined) return undefined;
  const there = new Set(line.split(/\s+/));
  return FEATURES.filter((name) => there.has(name));
}

export type GpuVendor = "nvidia" | "amd" | "intel" | "other";

const vendors: Readonly<Record<string, GpuVendor>> = { "0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel" };

/**
 * The makers of the graphics processors that the system sees, with or without a driver; undefined where it does not tell.
 *
 * @param root for tests: the folder used as "/"
 */
export function graphicsVendors(root = "/"): GpuVendor[] | undefined {
  const folder = join(root, "sys", "bus", "pci", "devices");
  return listIfReadable(folder)?.flatMap((name) => {
    // PCI class 03: display controllers, of which NVIDIA's for computing are a subclass.
    if (!readTextIfReadable(join(folder, name, "class"))?.startsWith("0x03")) return [];
    return [vendors[readTextIfReadable(join(folder, name, "vendor"))?.trim() ?? ""] ?? "other"];
  });
}

/** Devices of graphics drivers that this user may not open. */
export function lockedDevices(root = "/"): string[] {
  const folder = join(root, "dev", "dri");
  return (listIfReadable(folder) ?? [])
    .filter((name) => name.startsWith("renderD"))
    .map((name) => join(folder, name))
    .filter((path) => {
      try {
        accessSync(path, constants.R_OK | constants.W_OK);
        return false;
      } catch {
        return true;
      }
    });
}

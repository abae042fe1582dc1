/**
 * What a GPU backend lacks on a machine besides its llama.cpp runtime, and what to do. Errors and `doctor` take it from
 * here, so both say the same. Pure but for {@link gpuFacts}.
 */
import { isStarlingError, NativeError } from "../errors.ts";
import { neverOn } from "./gpu-never.ts";
import { gpuSign } from "./gpu-signs.ts";
import { isTranslated, macSysctl } from "./mac-system.ts";
import { type GpuVendor, graphicsVendors } from "./machine.ts";
import { backendsOf, type GpuBackend, here, type Platform } from "./platforms.ts";
import { driverCommand } from "./system-packages.ts";

/** What is known about the graphics of a machine without loading anything. */
export interface GpuFacts {
  readonly platform: Platform;
  /** Whether Rosetta translates this process. */
  readonly translated: boolean;
  /** Vendors of the built-in GPUs; undefined where the system does not say. */
  readonly graphics: readonly GpuVendor[] | undefined;
  /** Why there can be no device of a backend: a driver, a loader or a device that is missing. */
  missing(backend: GpuBackend): string | undefined;
  /** Content of /etc/os-release; that of this system where it is absent. */
  readonly osRelease?: string;
}

export interface GpuLack {
  /** Half a sentence without a full stop, such as "no NVIDIA driver is installed". */
  readonly what: string;
  /** What to do, as a sentence; absent where nothing is known to help. */
  readonly advice?: string;
  /** The command in the advice. */
  readonly command?: string;
  /** Whether nothing that can be installed would help: the backend does not exist on this platform. */
  readonly isFinal: boolean;
}

/** The machine that this process runs on. */
export function gpuFacts(): GpuFacts {
  return {
    platform: here,
    translated: isTranslated(macSysctl()),
    graphics: graphicsVendors(),
    missing: (backend) => gpuSign(backend).missing,
  };
}

/** Undefined where nothing is known to be missing. */
export function lackOf(backend: GpuBackend, facts: GpuFacts): GpuLack | undefined {
  const never = neverOn(backend, facts);
  if (never !== undefined) return { what: never, isFinal: true, ...adviceAgainst(facts) };
  const missing = facts.missing(backend);
  if (missing === undefined) return undefined;
  const { graphics } = facts;
  // "other" may be a virtual machine's, as in Windows' Linux: its driver has what is missing.
  if (graphics !== undefined && !graphics.some((vendor) => mayServe(vendor, backend))) {
    const none = `, and the system shows no ${backend === "cuda" ? "NVIDIA GPU" : "GPU"}`;
    return { what: missing.includes("graphics device") ? missing : `${missing}${none}`, isFinal: false };
  }
  // An NVIDIA card has its Vulkan driver from NVIDIA, too.
  const isNvidias = graphics !== undefined && graphics.length > 0 && graphics.every((vendor) => vendor === "nvidia");
  const first = (isNvidias && backend === "vulkan" ? facts.missing("cuda") : undefined) ?? missing;
  return { what: first, isFinal: false, ...adviceOn(first, backend, facts) };
}

const mayServe = (vendor: GpuVendor, backend: GpuBackend): boolean =>
  vendor === "other" || (backend === "cuda" ? vendor === "nvidia" : true);

function adviceOn(missing: string, backend: GpuBackend, { platform, osRelease }: GpuFacts): Partial<GpuLack> {
  const command = platform.os === "linux" ? driverCommand(backend, missing, osRelease) : undefined;
  if (command !== undefined) return { command, advice: `Run \`${command}\`.` };
  if (missing.includes("NVIDIA driver")) return { advice: "Install it: https://www.nvidia.com/drivers." };
  if (missing.includes("Vulkan loader"))
    return { advice: "It comes with the driver of the graphics card: install that." };
  if (missing.includes("Vulkan driver")) return { advice: "Install the driver of the graphics card." };
  if (missing.includes("graphics device"))
    return { advice: "In a container, pass the GPU through (docker run --device /dev/dri, or --gpus all)." };
  return {};
}

/** The choices that there are here. */
function adviceAgainst({ platform, translated }: GpuFacts): Partial<GpuLack> {
  if (translated) return {};
  const others = backendsOf(platform).filter((backend) => backend !== "cpu");
  return { advice: `Here the choices are auto, ${[...others, "off"].join(", ")}.` };
}

/** Both as sentences. */
export function sentencesOf({ what, advice }: GpuLack): string {
  return advice === undefined ? `${what}.` : `${what}. ${advice}`;
}

/** What a runtime says that did not open, or found no device, where a driver, loader or device that is missing explains it. */
const EXPLAINED = /could not be opened|found no device/;

/**
 * The lack that is behind a failure: it explains more than the library or device that was not found because of it, and comes
 * before the runtime's package, which is no help without it.
 *
 * @param cause why a backend cannot be used
 */
function lackBehind(backend: GpuBackend, cause: unknown, facts: GpuFacts): GpuLack | undefined {
  const isExplained = isNotInstalled(cause) || EXPLAINED.test(cause instanceof Error ? cause.message : String(cause));
  return isExplained ? lackOf(backend, facts) : undefined;
}

const isNotInstalled = (cause: unknown): boolean => isStarlingError(cause) && cause.code === "ERR_RUNTIME_NOT_FOUND";

/** The lack behind a failure, and what to do: sentences. Undefined where nothing is known to be missing. */
export function lackSentences(backend: GpuBackend, cause: unknown, facts: GpuFacts): string | undefined {
  const lack = lackBehind(backend, cause, facts);
  if (lack === undefined) return undefined;
  // Where no package has the backend, the driver is not all that is missing.
  const isMore = isNotInstalled(cause) && !lack.isFinal && !backendsOf(facts.platform).includes(backend);
  return isMore ? `${sentencesOf(lack)} ${(cause as Error).message}` : sentencesOf(lack);
}

/** The error that says so. */
export function explainLack(backend: GpuBackend, cause: unknown, facts: GpuFacts): NativeError | undefined {
  const sentences = lackSentences(backend, cause, facts);
  if (sentences === undefined) return undefined;
  const code = isNotInstalled(cause) ? "ERR_RUNTIME_NOT_FOUND" : "ERR_RUNTIME_UNUSABLE";
  return new NativeError(code, `The backend ${backend} cannot be used here: ${sentences}`, { cause });
}

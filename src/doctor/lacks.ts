/** What a machine lacks, with the command that mends it: pure, from what was found. */
import type { GpuVendor, MachineDescription } from "../native/machine.ts";
import { installCommand, RUNTIME_PACKAGE_VERSION } from "../native/runtime-folder.ts";
import { installSystemPart } from "../native/system-packages.ts";
import type { RuntimeFinding } from "./runtimes.ts";

/** Something that could be better. */
export interface Lack {
  /** What is wrong or missing, a sentence. */
  readonly what: string;
  /** The exact command that mends it; absent where there is none. */
  readonly command?: string;
}

export interface Circumstances {
  readonly machine: MachineDescription;
  readonly runtimes: readonly RuntimeFinding[];
  /** Makers of the graphics processors that are built in; undefined where that is not known. */
  readonly graphics: readonly GpuVendor[] | undefined;
  /** Graphics devices that this user may not open. */
  readonly locked: readonly string[];
  /** Of /etc/os-release; for tests. */
  readonly osRelease?: string;
}

export function findLacks(found: Circumstances): Lack[] {
  return [...systemLacks(found), ...found.runtimes.flatMap((runtime) => runtimeLacks(runtime, found))];
}

function systemLacks({ machine, locked }: Circumstances): Lack[] {
  const lacks: Lack[] = [];
  if (machine.libc === "musl")
    lacks.push({
      what:
        "The prebuilt llama.cpp runtimes need glibc, and this system has musl. Use a distribution with glibc (for " +
        "example the image node:lts-slim), or set STARLING_RM_RUNTIME to an own build of llama.cpp.",
    });
  if (locked.length > 0)
    lacks.push({
      what: `This user may not open ${locked.join(" and ")}, so that no Vulkan driver finds the GPU. Log in again afterwards.`,
      command: 'sudo usermod -aG render,video "$USER"',
    });
  return lacks;
}

function runtimeLacks(runtime: RuntimeFinding, found: Circumstances): Lack[] {
  const { backend, state, version, problem } = runtime;
  if (version !== undefined && version !== RUNTIME_PACKAGE_VERSION)
    return [
      lack(
        `The package ${runtime.package} has the version ${version}; ${RUNTIME_PACKAGE_VERSION} is needed.`,
        installCommand(backend),
      ),
    ];
  if (state === "works") return [];
  if (backend === "cpu") return [lack(`The CPU's runtime does not work: ${problem}`, commandIn(problem))];
  // Where there is no such GPU nothing is missing.
  if (!mayHave(backend, found.graphics)) return [];
  if (state === "not installed")
    return [lack(`The package for ${backend} is not installed, but there is a GPU.`, installCommand(backend))];
  if (state === "broken") return [lack(`The runtime for ${backend} does not work: ${problem}`, commandIn(problem))];
  return [lack(`${backend} found no device: ${problem}`, commandIn(problem) ?? driverCommand(backend, problem, found))];
}

function lack(what: string, command: string | undefined): Lack {
  return { what: what.endsWith(".") ? what : `${what}.`, ...(command === undefined ? {} : { command }) };
}

/** Messages name commands between back quotes. */
function commandIn(text = ""): string | undefined {
  return /[Rr]un `([^`]+)`|: `(npm [^`]+)`/
    .exec(text)
    ?.slice(1)
    .find((command) => command !== undefined);
}

function mayHave(backend: RuntimeFinding["backend"], graphics: readonly GpuVendor[] | undefined): boolean {
  if (graphics === undefined) return backend === "metal";
  return backend === "cuda" ? graphics.includes("nvidia") : graphics.some((vendor) => vendor !== "other");
}

function driverCommand(
  backend: RuntimeFinding["backend"],
  problem = "",
  { osRelease }: Circumstances,
): string | undefined {
  const install = (part: Parameters<typeof installSystemPart>[0]) =>
    osRelease === undefined ? installSystemPart(part) : installSystemPart(part, osRelease);
  if (backend === "cuda") return problem.includes("no NVIDIA driver") ? install("nvidia-driver") : undefined;
  if (backend !== "vulkan") return undefined;
  if (problem.includes("no Vulkan loader")) return install("vulkan-loader");
  return problem.includes("Vulkan driver") ? install("vulkan-driver") : undefined;
}

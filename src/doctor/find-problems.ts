/** Turns findings about a machine into problems, each with the command that fixes it. Pure. */
import { TRANSLATED } from "../native/explain-mac.ts";
import type { GpuVendor, MachineDescription } from "../native/machine.ts";
import type { GpuBackend } from "../native/platforms.ts";
import { installCommand, RUNTIME_PACKAGE_VERSION } from "../native/runtime-folder.ts";
import { driverCommand } from "../native/system-packages.ts";
import type { RuntimeFinding } from "./runtimes.ts";

/** Something to fix before scoring works, or works faster. */
export interface DiagnosisProblem {
  /** What is wrong or missing, as a sentence. */
  readonly what: string;
  /** The command that fixes it; absent if no single command does. */
  readonly command?: string;
}

export interface MachineFindings {
  readonly machine: MachineDescription;
  readonly runtimes: readonly RuntimeFinding[];
  /** Vendors of the built-in GPUs; undefined if unknown. */
  readonly graphics: readonly GpuVendor[] | undefined;
  /** Graphics devices this user has no permission to open. */
  readonly locked: readonly string[];
  /** What a backend lacks besides its package: a driver, a loader or a device. */
  readonly missing: (backend: GpuBackend) => string | undefined;
  /** Content of /etc/os-release; set in tests. */
  readonly osRelease?: string;
}

export function findProblems(found: MachineFindings): DiagnosisProblem[] {
  return [...systemProblems(found), ...found.runtimes.flatMap((runtime) => runtimeProblems(runtime, found))];
}

/** An NVIDIA card without its driver: neither CUDA nor, where it is the only card, Vulkan can find it. */
function lacksNvidiaDriver({ graphics = [], missing }: MachineFindings): boolean {
  return graphics.includes("nvidia") && missing("cuda")?.includes("NVIDIA driver") === true;
}

function systemProblems(found: MachineFindings): DiagnosisProblem[] {
  const { machine, locked } = found;
  const problems: DiagnosisProblem[] = [];
  if (machine.libc === "musl")
    problems.push({
      what:
        "The prebuilt llama.cpp runtimes need glibc, but this system uses musl. Use a distribution with glibc (such as " +
        "the image node:lts-slim), or make a runtime on this system in a checkout of this project (npm run build:runtime) " +
        "and set STARLING_RM_RUNTIME to its folder.",
    });
  if (machine.translated) problems.push(problemOf(`T${TRANSLATED.slice(1)}`, undefined));
  if (lacksNvidiaDriver(found)) {
    const command = driverCommand("cuda", "NVIDIA driver", found.osRelease);
    const from = command === undefined ? " (https://www.nvidia.com/drivers)" : "";
    problems.push(
      problemOf(`This machine has an NVIDIA GPU, but no NVIDIA driver is installed: install it first${from}.`, command),
    );
  }
  if (locked.length > 0)
    problems.push({
      what: `You have no permission to open ${locked.join(" and ")}, so Vulkan cannot find the GPU. Run the command, then log in again.`,
      command: 'sudo usermod -aG render,video "$USER"',
    });
  return problems;
}

function runtimeProblems(runtime: RuntimeFinding, found: MachineFindings): DiagnosisProblem[] {
  const { backend, state, version, problem } = runtime;
  if (version !== undefined && version !== RUNTIME_PACKAGE_VERSION)
    return [
      problemOf(
        `The package ${runtime.package} has version ${version}, but ${RUNTIME_PACKAGE_VERSION} is needed.`,
        installCommand(backend),
      ),
    ];
  if (state === "works") return [];
  // One problem says so for the whole machine.
  if (backend === "metal" && found.machine.translated) return [];
  if (backend === "cpu") return [problemOf(`The CPU runtime does not work: ${problem}`, commandIn(problem))];
  // A runtime without a matching GPU is not missed.
  if (!mayHave(backend, found.graphics)) return [];
  // The driver first: it is a problem of the system, above, and a package without it is no help.
  const isOnlyNvidia = backend === "cuda" || found.graphics?.every((vendor) => vendor === "nvidia");
  if (state !== "broken" && isOnlyNvidia && lacksNvidiaDriver(found)) return [];
  const lacking = state === "not installed" ? found.missing(backend) : undefined;
  if (lacking !== undefined)
    return [problemOf(`${backend} cannot be used: ${lacking}`, driverCommand(backend, lacking, found.osRelease))];
  if (state === "not installed")
    return [problemOf(`This machine has a GPU, but the ${backend} package is not installed.`, installCommand(backend))];
  if (state === "broken") return [problemOf(`The ${backend} runtime does not work: ${problem}`, commandIn(problem))];
  return [
    problemOf(
      `${backend} found no device: ${problem}`,
      commandIn(problem) ?? driverCommand(backend, problem ?? "", found.osRelease),
    ),
  ];
}

function problemOf(what: string, command: string | undefined): DiagnosisProblem {
  return { what: what.endsWith(".") ? what : `${what}.`, ...(command === undefined ? {} : { command }) };
}

/** Messages quote commands in backticks. */
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

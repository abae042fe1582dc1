/** Turns findings about a machine into problems, each with the command that fixes it. Pure. */
import { TRANSLATED } from "../native/explain-mac.ts";
import { type GpuFacts, type GpuLack, lackOf, lackSentences, sentencesOf } from "../native/gpu-lacks.ts";
import type { GpuVendor, MachineDescription } from "../native/machine.ts";
import type { Backend, GpuBackend } from "../native/platforms.ts";
import {
  findRuntime,
  installCommand,
  ownRuntime,
  RUNTIME_PACKAGE_VERSION,
  RUNTIME_VARIABLE,
} from "../native/runtime-folder.ts";
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
  readonly facts: GpuFacts;
  /** Graphics devices this user has no permission to open. */
  readonly locked: readonly string[];
  /** The GPU backend that was asked for by name: it is missed in any case. */
  readonly wanted?: GpuBackend | undefined;
}

export function findProblems(found: MachineFindings): DiagnosisProblem[] {
  const { runtimes, wanted } = found;
  const problems = [...systemProblems(found), ...runtimes.flatMap((runtime) => runtimeProblems(runtime, found))];
  const isListed = wanted === undefined || runtimes.some(({ backend }) => backend === wanted);
  const why = isListed ? undefined : whyNone(wanted, found.facts);
  return why === undefined ? problems : [...problems, problemOf(`${wanted} cannot be used: ${why}`)];
}

/** Why this machine has no runtime with a backend: sentences. Undefined where it has one. */
export function whyNone(backend: Backend, facts: GpuFacts): string | undefined {
  try {
    const { folder } = findRuntime(backend);
    if (backend === "cpu" || ownRuntime() === undefined) return undefined;
    const lack = lackOf(backend, facts);
    if (lack?.isFinal) return sentencesOf(lack);
    return `${folder} has no library of the backend ${backend}. Set ${RUNTIME_VARIABLE} to a folder that has one, or unset it.`;
  } catch (error) {
    return (backend === "cpu" ? undefined : lackSentences(backend, error, facts)) ?? (error as Error).message;
  }
}

/** An NVIDIA card without its driver: neither CUDA nor, where it is the only card, Vulkan can find it. */
function nvidiaDriver({ facts }: MachineFindings): GpuLack | undefined {
  const lack = facts.graphics?.includes("nvidia") ? lackOf("cuda", facts) : undefined;
  return lack?.what.includes("NVIDIA driver") ? lack : undefined;
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
  if (machine.translated) problems.push(problemOf(`T${TRANSLATED.slice(1)}`));
  const driver = nvidiaDriver(found);
  if (driver !== undefined) {
    const from = driver.command === undefined ? " (https://www.nvidia.com/drivers)" : "";
    problems.push(
      problemOf(`This machine has an NVIDIA GPU, but ${driver.what}: install it first${from}.`, driver.command),
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
  const { graphics } = found.facts;
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
  if (backend === "cpu") return [problemOf(`The CPU runtime does not work: ${problem}`)];
  // A runtime without a matching GPU is not missed.
  if (!mayHave(backend, graphics) && backend !== found.wanted) return [];
  const lack = state === "broken" ? undefined : lackOf(backend, found.facts);
  // The driver is a problem of the system, above.
  if (lack !== undefined && lack.what === nvidiaDriver(found)?.what) return [];
  if (lack !== undefined) {
    const what = lack.command === undefined ? sentencesOf(lack) : `${lack.what}.`;
    return [problemOf(`${backend} cannot be used: ${what}`, lack.command)];
  }
  if (state === "not installed") {
    const what = mayHave(backend, graphics)
      ? `This machine has a GPU, but the ${backend} package`
      : `The ${backend} package`;
    return [problemOf(`${what} is not installed.`, installCommand(backend))];
  }
  if (state === "broken") return [problemOf(`The ${backend} runtime does not work: ${problem}`)];
  return [problemOf(`${backend} found no device: ${problem}`)];
}

/** @param command by default the one that the text quotes */
export function problemOf(what: string, command: string | undefined = commandIn(what)): DiagnosisProblem {
  return { what: what.endsWith(".") ? what : `${what}.`, ...(command === undefined ? {} : { command }) };
}

/** Messages quote commands in backticks. */
function commandIn(text = ""): string | undefined {
  return /(?:\b[Rr]un |: )`([^`]+)`/.exec(text)?.[1];
}

function mayHave(backend: RuntimeFinding["backend"], graphics: readonly GpuVendor[] | undefined): boolean {
  if (graphics === undefined) return backend === "metal";
  return backend === "cuda" ? graphics.includes("nvidia") : graphics.some((vendor) => vendor !== "other");
}

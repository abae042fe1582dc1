/** Checks whether this machine can score, and lists what to fix. */
import { totalmem } from "node:os";
import { isStarlingError } from "../errors.ts";
import { isOnHub, modelPathOf, withModelHeader } from "../model-path.ts";
import { thisMachine } from "../native/choose-backend.ts";
import { type GpuFacts, gpuFacts } from "../native/gpu-lacks.ts";
import { addonPath, loadAddon, openedAddon } from "../native/load-addon.ts";
import { describeMachine, lockedDevices, type MachineDescription } from "../native/machine.ts";
import type { Backend } from "../native/platforms.ts";
import { libraryObstacle } from "../native/prefill-kernels.ts";
import { probeKernels, probeRuntime } from "../native/probe.ts";
import { librariesIn } from "../native/runtime-folder.ts";
import { aSignal, aString, checkOptions, given, takesOnlyOptions } from "../options.ts";
import { availableMemory } from "../scoring/available-memory.ts";
import type { CheckKernels } from "../scoring/kernel-findings.ts";
import { type KernelPlan, planKernels } from "../scoring/kernel-plan.ts";
import { aLoad } from "../scoring/load-options.ts";
import { type ModelFile, readModelFile } from "../scoring/model-file.ts";
import type { KernelInfo, MemoryPrediction } from "../scoring/model-info.ts";
import { OWN_KERNELS_OFF } from "../scoring/own-kernels.ts";
import { assertPlacementFits, type Placement, placeWithin } from "../scoring/placement.ts";
import { predictOn } from "../scoring/predict-memory.ts";
import type { LoadRewardModelOptions } from "../scoring/types.ts";
import { type DiagnosisProblem, findProblems, problemOf, whyNone } from "./find-problems.ts";
import { type DeviceFinding, findRuntimes, type RuntimeFinding, type RuntimeFindings } from "./runtimes.ts";

/** Options of diagnose(). */
export interface DiagnoseOptions {
  /** A GGUF to check: is it complete, how much memory does it need, does it fit? */
  readonly modelPath?: string;
  /** Options that you would load it with. */
  readonly load?: Omit<LoadRewardModelOptions, "modelPath" | "onProgress" | "signal">;
  /** Stops after the current check; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What this machine can score with, and what is missing. */
export interface Diagnosis {
  /** Whether scoring works here, on the backend in `load` and with `modelPath` if given. */
  readonly ready: boolean;
  /** The operating system, processor and Node version. */
  readonly machine: MachineDescription;
  /** Main memory in bytes; `free` is absent if unknown. */
  readonly memory: {
    /** Bytes of RAM. */
    readonly total: number;
    /** Bytes that are free; absent if the system does not say. */
    readonly free?: number;
  };
  /** The native addon of this package. */
  readonly addon: {
    /** Its file, or "none". */
    readonly path: string;
    /** Whether Node can load it. */
    readonly loads: boolean;
    /** Why your own build in `build/Release` was passed by; absent if there is none. */
    readonly passedBy?: string;
    /** Why it does not load, with the command that fixes it. */
    readonly problem?: string;
  };
  /** In the order `gpu: "auto"` tries them; empty if the addon does not load. */
  readonly runtimes: readonly RuntimeFinding[];
  /** The backend `gpu: "auto"` chooses; absent if none works. */
  readonly choice?: Backend;
  /** Why it does not choose the backends before that one. */
  readonly reasons: RuntimeFindings["reasons"];
  /** Prefill kernels of our own for the CPU; absent if the addon does not load or no CPU runtime works. */
  readonly ownKernels?: {
    /** Those for matrix products that this processor can run, the most capable first; a model uses those that it gains with. */
    readonly names: readonly string[];
    /** Why none of them is used, half a sentence. */
    readonly reason?: string;
  };
  /** With `modelPath`: whether that model can run here. */
  readonly model?: ModelDiagnosis;
  /** What is missing or broken, with the command that fixes it where there is one; empty if nothing is. */
  readonly problems: readonly DiagnosisProblem[];
}

/** Whether one model can run on this machine. */
export interface ModelDiagnosis {
  /** The file, as `modelPath` named it. */
  readonly path: string;
  /** Weight type, for example "q4_k_m"; absent if the file cannot be read. */
  readonly fileType?: string;
  /** Where it would run, and the memory it needs there. */
  readonly memory?: MemoryPrediction;
  /** What multiplies the weights that the CPU holds. */
  readonly kernels?: {
    /** One entry per weight type. */
    readonly kernels: readonly KernelInfo[];
    /** What is wrong with kernels that are therefore not used, or why scores are not exact: sentences. */
    readonly reasons: readonly string[];
    /** Why prefill kernels of our own compute nothing, half a sentence; absent where they do. */
    readonly ownKernelsReason?: string;
  };
  /** Why it cannot be loaded. */
  readonly problem?: string;
}

/**
 * Checks everything that scoring needs. Each runtime is tried in its own process, and the result is cached.
 *
 * @throws InvalidInputError for a wrong option, or the signal's reason. Every other problem is part of the result.
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  takesOnlyOptions("diagnose", arguments);
  options = checkOptions("diagnose", options, { modelPath: aString, load: aLoad, signal: aSignal });
  const { signal } = options;
  signal?.throwIfAborted();
  const machine = describeMachine();
  const addon = examineAddon();
  const facts = gpuFacts();
  const found: RuntimeFindings = addon.loads
    ? await findRuntimes(thisMachine(), probeRuntime, facts)
    : { runtimes: [], reasons: [] };
  signal?.throwIfAborted();
  // Once: what is free changes from one look to the next, and the report has it in several places.
  const free = availableMemory();
  const model = options.modelPath === undefined ? undefined : await examineModel(options, found, facts, free);
  signal?.throwIfAborted();
  const { gpu = "auto" } = options.load ?? {};
  const backend = wanted(gpu, found.choice);
  // A model's own problem says why the backend does not work.
  const missed = model !== undefined || gpu === "auto" || gpu === "off" ? undefined : gpu;
  const works = found.runtimes.some((runtime) => runtime.backend === backend && runtime.state === "works");
  return {
    ready: works && model?.problem === undefined,
    machine,
    memory: { total: totalmem(), ...(free === undefined ? {} : { free }) },
    addon,
    ...found,
    runtimes: found.runtimes.map((runtime) => ({ ...runtime, devices: runtime.devices.map(withMemory(free)) })),
    ...given({ ownKernels: ownKernelsOf(found, options.load?.kernels), model }),
    problems: [
      ...(addon.problem === undefined ? [] : [problemOf(addon.problem)]),
      ...findProblems({ machine, runtimes: found.runtimes, facts, locked: lockedDevices(), wanted: missed }),
      ...(model?.problem === undefined ? [] : [problemOf(model.problem)]),
    ],
  };
}

function ownKernelsOf(
  { runtimes }: RuntimeFindings,
  kernels: LoadRewardModelOptions["kernels"],
): Diagnosis["ownKernels"] {
  const runtime = runtimes.find(({ backend, state }) => backend === "cpu" && state === "works");
  if (runtime === undefined) return undefined;
  const names = loadAddon().prefillKernels().gemm;
  return { names, ...given({ reason: kernels === "off" ? OWN_KERNELS_OFF : libraryObstacle(runtime) }) };
}

/** llama.cpp calls all of the machine's memory free. */
function withMemory(free: number | undefined): (device: DeviceFinding) => DeviceFinding {
  return (device) => (device.type === "cpu" && free !== undefined ? { ...device, memoryFree: free } : device);
}

function examineAddon(): Diagnosis["addon"] {
  try {
    const { path, passedBy } = openedAddon();
    return { path, loads: true, ...given({ passedBy }) };
  } catch (error) {
    return { path: addonPath() ?? "none", loads: false, problem: messageOf(error) };
  }
}

async function examineModel(
  { modelPath = "", load = {}, signal }: DiagnoseOptions,
  { runtimes, choice }: RuntimeFindings,
  facts: GpuFacts,
  free: number | undefined,
): Promise<ModelDiagnosis> {
  const isRemote = isOnHub(modelPath);
  let path = modelPath;
  try {
    if (!isRemote) path = await modelPathOf(modelPath, { signal });
    const file = await withModelHeader(path, signal, readModelFile);
    const found = { path, fileType: file.fileType };
    const backend = wanted(load.gpu ?? "auto", choice);
    const runtime = runtimes.find((entry) => entry.backend === backend);
    if (runtime?.state !== "works")
      return {
        ...found,
        problem: `${path} cannot run on ${backend}: ${runtime?.problem ?? whyNone(backend, facts) ?? "the native addon does not load."}`,
      };
    const place = { backend, devices: backend === "cpu" ? [] : runtime.devices };
    const memory = predictOn(file, load, place, free);
    try {
      const placement = placeWithin(file, load, place, free);
      assertPlacementFits(path, placement, free);
      // Kernels are tried with the model's own weights, which a model on the hub has not brought yet.
      if (isRemote) return { ...found, memory };
      const { kernels, reasons, prefillReason } = await tryKernels(path, file, placement, runtime, load.kernels);
      return {
        ...found,
        memory,
        ...(kernels.length === 0
          ? {}
          : { kernels: { kernels, reasons, ...given({ ownKernelsReason: prefillReason }) } }),
      };
    } catch (error) {
      return { ...found, memory, problem: messageOf(error) };
    }
  } catch (error) {
    return { path, problem: messageOf(error) };
  }
}

/** Runs in its own process: a process can load only one runtime, and this one may need another later. */
function tryKernels(
  path: string,
  file: ModelFile,
  { plan, withoutOwnKernels }: Placement,
  runtime: RuntimeFinding,
  kernels: LoadRewardModelOptions["kernels"],
): Promise<KernelPlan> {
  const { weightSamples: samples, shape } = file;
  const check: CheckKernels = (options) => probeKernels(librariesIn(runtime.folder as string), options);
  const own = kernels === "off" ? OWN_KERNELS_OFF : (withoutOwnKernels ?? libraryObstacle(runtime) ?? check);
  return planKernels({ path, samples, plan, shape, runtime }, { stock: check, own });
}

function wanted(gpu: NonNullable<LoadRewardModelOptions["gpu"]>, choice: Backend | undefined): Backend {
  if (gpu === "auto") return choice ?? "cpu";
  return gpu === "off" ? "cpu" : gpu;
}

function messageOf(error: unknown): string {
  if (isStarlingError(error)) return error.message;
  return `${error instanceof Error ? error.message : String(error)} (unexpected)`;
}

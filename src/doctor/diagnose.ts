/** Whether this machine can score, and what is missing where it cannot. */
import { totalmem } from "node:os";
import { isStarlingError } from "../errors.ts";
import { modelPathOf } from "../model-path.ts";
import { addonPath, buildCommand, loadAddon } from "../native/load-addon.ts";
import { describeMachine, graphicsVendors, lockedDevices, type MachineDescription } from "../native/machine.ts";
import type { Backend } from "../native/platforms.ts";
import { probeKernels } from "../native/probe.ts";
import { librariesIn } from "../native/runtime-folder.ts";
import { aSignal, aString, checkOptions } from "../options.ts";
import { availableMemory } from "../scoring/available-memory.ts";
import { type KernelPlan, planKernels } from "../scoring/kernel-plan.ts";
import { loadOptionChecks } from "../scoring/load-options.ts";
import { type ModelFile, readModelFile } from "../scoring/model-file.ts";
import { assertPlacementFits, type Placement, placeModel } from "../scoring/placement.ts";
import { predictOn } from "../scoring/predict-memory.ts";
import type { LoadRewardModelOptions, MemoryPrediction } from "../scoring/types.ts";
import { findLacks, type Lack } from "./lacks.ts";
import { findRuntimes, type RuntimeFinding, type RuntimeFindings } from "./runtimes.ts";

export interface DiagnoseOptions {
  /** A GGUF: whether it is whole, what it needs, and whether that fits. */
  readonly modelPath?: string;
  /** How it is to be loaded. */
  readonly load?: Omit<LoadRewardModelOptions, "modelPath" | "onProgress" | "signal">;
  /** Stops between two trials, each of which ends by itself; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Diagnosis {
  /** Whether texts can be scored here, on the backend that `load` asks for and with the model if one was named. */
  readonly ready: boolean;
  readonly machine: MachineDescription;
  /** Bytes of the machine's own memory; free as far as it is known. */
  readonly memory: { readonly total: number; readonly free?: number };
  readonly addon: { readonly path: string; readonly loads: boolean; readonly problem?: string };
  /** In the order in which `gpu: "auto"` tries them; empty when the addon does not load. */
  readonly runtimes: readonly RuntimeFinding[];
  /** What `gpu: "auto"` takes, and why not what goes before. */
  readonly choice?: Backend;
  readonly reasons: RuntimeFindings["reasons"];
  readonly model?: ModelDiagnosis;
  readonly lacks: readonly Lack[];
}

export interface ModelDiagnosis {
  readonly path: string;
  readonly fileType?: string;
  /** Where it would run, with what it needs there. */
  readonly memory?: MemoryPrediction;
  /** What would multiply the weights that the CPU holds, and why not what llama.cpp would choose. */
  readonly kernels?: Pick<KernelPlan, "kernels" | "reasons">;
  /** Why it cannot be loaded. */
  readonly problem?: string;
}

/**
 * Tries everything that scoring needs, each runtime in a process of its own, and remembers what it found.
 *
 * @throws InvalidInputError for a wrong option; the signal's reason; whatever else is wrong is in the answer
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  checkOptions("diagnose", options, { modelPath: aString, load: () => undefined, signal: aSignal });
  checkOptions("diagnose's load", options.load, loadOptionChecks);
  const { signal } = options;
  signal?.throwIfAborted();
  const machine = describeMachine();
  const addon = examineAddon();
  const found: RuntimeFindings = addon.loads ? await findRuntimes() : { runtimes: [], reasons: [] };
  signal?.throwIfAborted();
  const model =
    options.modelPath === undefined
      ? undefined
      : await examineModel(await modelPathOf(options.modelPath, signal), options, found);
  signal?.throwIfAborted();
  const free = availableMemory();
  const backend = wanted(options.load?.gpu ?? "auto", found.choice);
  const works = found.runtimes.some((runtime) => runtime.backend === backend && runtime.state === "works");
  return {
    ready: works && model?.problem === undefined,
    machine,
    memory: { total: totalmem(), ...(free === undefined ? {} : { free }) },
    addon,
    ...found,
    ...(model === undefined ? {} : { model }),
    lacks: [
      ...(addon.loads ? [] : [{ what: addon.problem ?? "The native addon does not load.", command: buildCommand() }]),
      ...findLacks({ machine, runtimes: found.runtimes, graphics: graphicsVendors(), locked: lockedDevices() }),
      ...(model?.problem === undefined ? [] : [{ what: model.problem }]),
    ],
  };
}

function examineAddon(): Diagnosis["addon"] {
  const path = addonPath() ?? "none";
  try {
    loadAddon();
    return { path, loads: true };
  } catch (error) {
    return { path, loads: false, problem: messageOf(error) };
  }
}

async function examineModel(
  path: string,
  { load = {} }: DiagnoseOptions,
  { runtimes, choice }: RuntimeFindings,
): Promise<ModelDiagnosis> {
  try {
    const file = await readModelFile(path);
    const found = { path, fileType: file.fileType };
    const backend = wanted(load.gpu ?? "auto", choice);
    const runtime = runtimes.find((entry) => entry.backend === backend);
    if (runtime?.state !== "works")
      return {
        ...found,
        problem: `${path} cannot run on ${backend}: ${runtime?.problem ?? "there is no such runtime here."}`,
      };
    const place = { backend, devices: backend === "cpu" ? [] : runtime.devices };
    const memory = predictOn(file, load, place);
    try {
      const placement = placeModel(file, load, place);
      assertPlacementFits(path, placement, availableMemory());
      const { kernels, reasons } = await tryKernels(path, file, placement, runtime);
      return { ...found, memory, ...(kernels.length === 0 ? {} : { kernels: { kernels, reasons } }) };
    } catch (error) {
      return { ...found, memory, problem: messageOf(error) };
    }
  } catch (error) {
    return { path, problem: messageOf(error) };
  }
}

/** In a process of its own: this one may want another runtime later. */
function tryKernels(path: string, file: ModelFile, { plan }: Placement, runtime: RuntimeFinding): Promise<KernelPlan> {
  const { weightSamples: samples, shape } = file;
  return planKernels({ path, samples, plan, layers: shape.layers, runtime }, (options) =>
    probeKernels(librariesIn(runtime.folder as string), options),
  );
}

function wanted(gpu: NonNullable<LoadRewardModelOptions["gpu"]>, choice: Backend | undefined): Backend {
  if (gpu === "auto") return choice ?? "cpu";
  return gpu === "off" ? "cpu" : gpu;
}

function messageOf(error: unknown): string {
  if (isStarlingError(error)) return error.message;
  return `${error instanceof Error ? error.message : String(error)} (unexpected)`;
}

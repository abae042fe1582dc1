/** From a GGUF to a loaded reward model. */

import { toNamespacedPath } from "node:path";
import { isStarlingError, NativeError } from "../errors.ts";
import type { FitRecord } from "../gguf/fit-record.ts";
import type { HeadFile } from "../gguf/head-file.ts";
import { OpenedGguf } from "../gguf/opened-gguf.ts";
import { positionNotice } from "../gguf/position-notice.ts";
import { modelPathOf } from "../model-path.ts";
import type { NativeHead, NativeModel } from "../native/addon.ts";
import { type Engine, openEngine } from "../native/engine.ts";
import { bindOwnKernels } from "../native/prefill-kernels.ts";
import { probeKernels } from "../native/probe.ts";
import { librariesIn } from "../native/runtime-folder.ts";
import { checkOptions, given, takesOnlyOptions } from "../options.ts";
import { directionOf, type RewardHead } from "../reward-head.ts";
import { availableMemory } from "./available-memory.ts";
import { cancellable, unlessAborted } from "./cancellable.ts";
import { checkFitDate, readHeadFor } from "./choose-head.ts";
import { type KernelChecks, type KernelPlan, planKernels } from "./kernel-plan.ts";
import { loadOptionChecks } from "./load-options.ts";
import { BATCH_SEQUENCES } from "./load-plan.ts";
import { type ModelFile, readModelFile } from "./model-file.ts";
import type { RewardModelInfo } from "./model-info.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { OWN_KERNELS_OFF } from "./own-kernels.ts";
import { assertPlacementFits, type Placement, placeWithin } from "./placement.ts";
import { RewardModel } from "./reward-model.ts";
import type { RewardTokenizer } from "./reward-tokenizer.ts";
import type { KernelChoice, LoadRewardModelOptions } from "./types.ts";

/**
 * Loads a GGUF made by `starling-rm convert`: a file, "tiny", or one on the Hugging Face hub, which is downloaded to its cache.
 *
 * @throws InvalidInputError for a wrong option, FileError for a file that cannot be used or changes during the load, NativeError
 *   when no runtime fits or llama.cpp refuses the model, HubError for one on the hub that cannot be downloaded
 */
export async function loadRewardModel(options: LoadRewardModelOptions): Promise<RewardModel> {
  takesOnlyOptions("loadRewardModel", arguments);
  options = checkOptions("loadRewardModel", options, loadOptionChecks, ["modelPath"]);
  const { signal } = options;
  signal?.throwIfAborted();
  const modelPath = await modelPathOf(options.modelPath, options);
  // What we check and what llama.cpp loads is one open file, even if another replaces it at the path.
  const opened = await OpenedGguf.open(modelPath);
  try {
    return await loadOpened(opened, { ...options, modelPath });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function loadOpened(opened: OpenedGguf, options: LoadRewardModelOptions): Promise<RewardModel> {
  const { modelPath, signal } = options;
  const file = await readModelFile(opened);
  const engine = await openEngine({ gpu: options.gpu ?? "auto" });
  signal?.throwIfAborted();
  const tokenizer = openTokenizer(engine.addon, file, options);
  const { headPath, foreignHead } = options;
  const headFile =
    headPath === undefined
      ? undefined
      : await readHeadFor(headPath, modelPath, file, tokenizer.settings.tokenization, foreignHead);
  const { head, fit } = headFile ?? file;
  checkFitDate({ ...file, fit }, tokenizer.settings.templateDate);

  const available = availableMemory();
  const placement = placeWithin(file, options, engine, available);
  if (options.checkMemory !== false) assertPlacementFits(modelPath, placement, available);
  const { threads: _threads, batchMode: _batchMode, ...plan } = placement.plan;
  const planning = checkOfOwn(options.kernels, placement, engine).then((own) =>
    planKernels(
      {
        path: modelPath,
        samples: file.weightSamples,
        plan: placement.plan,
        shape: file.shape,
        softCapped: file.trunk.softCapped === true,
        runtime: engine.runtimeInfo,
      },
      { stock: (check) => engine.addon.checkKernels(check), own },
    ),
  );
  // What is being tried is remembered for the next load, even if this one no longer wants it.
  const kernels = await unlessAborted(planning, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw loadFailure(error, modelPath, placement);
  });
  signal?.throwIfAborted();
  const { repacked, rowMultiple, prefillWeights, prefillAttention } = kernels;
  // Where one kernel computes attention alike for every row, exact mode has flash attention, too.
  const flashAttention = plan.flashAttention || prefillAttention;
  // Where no row of any kernel depends on others, exact mode takes several sequences at once.
  const maxSequences = prefillAttention && rowMultiple === 1 ? BATCH_SEQUENCES : plan.maxSequences;
  const { descriptor } = opened;
  // Windows opens longer paths than 260 characters in this form only.
  const source = { path: toNamespacedPath(modelPath), ...(descriptor === undefined ? {} : { descriptor }) };
  const { onProgress } = options;
  const report = onProgress && ((fraction: number) => onProgress({ phase: "loading", fraction }));
  const job = engine.addon.loadModel(
    {
      ...plan,
      ...source,
      maxSequences,
      flashAttention,
      repacked,
      rowMultiple,
      prefillWeights,
      prefillAttention,
      head: nativeHead(head),
    },
    report,
  );
  const native = await cancellable(job, signal, (error) => loadFailure(error, modelPath, placement));
  try {
    // The header that was checked, and the weights that were read.
    await opened.assertUnchanged();
  } catch (error) {
    await native.close();
    throw error;
  }
  const info = infoOf({
    modelPath,
    file,
    head,
    native,
    tokenizer,
    headPath,
    headFile,
    fit,
    engine,
    placement,
    kernels,
  });
  // With the weights in memory, the model no longer depends on its file.
  const assertUnchanged = options.mmap === false ? async () => {} : () => opened.assertUnchanged();
  return new RewardModel(info, { native, tokenizer, assertUnchanged }, head, opened);
}

/** As the addon takes it: every layer's numbers beside each other. */
function nativeHead({ weight, bias, hidden }: RewardHead): NativeHead {
  return { weight, ...given({ bias, hiddenWeight: hidden?.weight, hiddenBias: hidden?.bias }) };
}

/** In a child process: they are new code in a library that was not made for it. */
async function checkOfOwn(
  kernels: KernelChoice = "auto",
  { withoutOwnKernels }: Placement,
  { addon, runtimeInfo }: Engine,
): Promise<KernelChecks["own"]> {
  // Also where this model does not want them: the next one may, and then it is too late.
  const obstacle = await bindOwnKernels(addon, runtimeInfo);
  if (kernels === "off") return OWN_KERNELS_OFF;
  return withoutOwnKernels ?? obstacle ?? ((check) => probeKernels(librariesIn(runtimeInfo.folder), check));
}

interface Loaded {
  readonly modelPath: string;
  readonly file: ModelFile;
  readonly head: RewardHead;
  readonly native: NativeModel;
  readonly tokenizer: RewardTokenizer;
  readonly headPath: string | undefined;
  readonly headFile: HeadFile | undefined;
  readonly fit: FitRecord | undefined;
  readonly engine: Engine;
  readonly placement: Placement;
  readonly kernels: KernelPlan;
}

function infoOf(loaded: Loaded): RewardModelInfo {
  const { modelPath, file, head, native, tokenizer, headPath, headFile, fit, engine, placement, kernels } = loaded;
  return {
    path: modelPath,
    name: file.name,
    ...(file.notice === undefined ? {} : { notice: file.notice }),
    fileType: file.fileType,
    ...given({ typeNotice: file.typeNotice }),
    parameters: native.info.parameters,
    size: native.info.size,
    layers: native.info.layers,
    embeddingLength: native.info.embeddingLength,
    vocabularySize: native.info.vocabularySize,
    ...given({ trunkSha256: file.trunkSha256 }),
    ...(headPath === undefined || headFile === undefined
      ? {}
      : { head: { path: headPath, name: headFile.name, ...given({ trunkSha256: headFile.trunkSha256 }) } }),
    ...(fit === undefined ? {} : { fit }),
    direction: directionOf(head),
    // Of the model's own head.
    ...(headPath === undefined ? given({ normalization: file.normalization }) : {}),
    ...given({ positionNotice: positionNotice(file) }),
    profile: file.profile,
    template: file.template,
    tokenization: tokenizer.settings.tokenization,
    maxTokens: file.maxTokens,
    ...given({ window: file.window }),
    contextTokens: native.info.contextTokens,
    backend: placement.backend,
    backendReasons: [
      ...engine.reasons,
      ...(placement.reason === undefined ? [] : [{ backend: engine.backend, reason: placement.reason }]),
    ],
    devices: native.info.devices,
    ...(engine.runtimeInfo.cpuLibrary === undefined ? {} : { cpuLibrary: engine.runtimeInfo.cpuLibrary }),
    cpuFeatures: engine.runtimeInfo.cpuFeatures,
    kernels: kernels.kernels,
    kernelReasons: kernels.reasons,
    ...given({ ownKernelsReason: kernels.prefillReason }),
    gpuLayers: placement.fit?.layers ?? 0,
    threads: placement.plan.threads,
    batchMode: placement.plan.batchMode === "exact" && !kernels.exact ? "single" : placement.plan.batchMode,
  };
}

/** Out-of-memory messages of llama.cpp and the drivers' libraries. */
const OUT_OF_MEMORY = /unable to allocate|failed to allocate|out of memory|OutOfDeviceMemory|cudaMalloc failed/i;

function loadFailure(error: unknown, path: string, { fit }: Placement): unknown {
  if (isStarlingError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const details = { cause: error, file: path };
  if (!OUT_OF_MEMORY.test(reason))
    return new NativeError("ERR_MODEL_LOAD", `${path} could not be loaded: ${reason}`, details);
  // Another program took the memory, or the estimate was too low.
  const advice = fit === undefined ? "close other programs" : `place fewer layers than ${fit.gpuLayers} (gpuLayers)`;
  const what = `${path} could not be loaded: out of memory: ${reason.replace(/\.$/, "")}`;
  return new NativeError("ERR_OUT_OF_MEMORY", `${what}. Use a smaller quantisation, or ${advice}.`, details);
}

/** Describes a GGUF or a checkpoint without loading it. */
import { stat } from "node:fs/promises";
import { ADAPTER_CONFIG } from "./checkpoint/adapter-config.ts";
import { openCheckpoint } from "./checkpoint/checkpoint.ts";
import { type CheckpointFolder, openLocalFolder } from "./checkpoint/folder.ts";
import { unusedTemplateNotice } from "./convert/chat-template-metadata.ts";
import { planFile } from "./convert/convert.ts";
import { describeScoring } from "./convert/metadata.ts";
import { weightType } from "./convert/options.ts";
import { planTensors } from "./convert/plan.ts";
import { invalidArgument, isStarlingError } from "./errors.ts";
import { type ByteSource, bytesSource } from "./files/byte-source.ts";
import { describeHeadFile, isHeadFile } from "./gguf/head-file.ts";
import { type GgufHeader, weightCount } from "./gguf/header.ts";
import { readGguf } from "./gguf/reader.ts";
import type { RewardMetadata } from "./gguf/reward-metadata.ts";
import { fileTypeName } from "./gguf/types.ts";
import { countTypes, describeWeightTypes } from "./gguf/weight-types.ts";
import { openModelFolder } from "./hub/model-folder.ts";
import { isRemote, openRemote } from "./hub/open-remote.ts";
import { type HubOptions, hubChecks } from "./hub/settings.ts";
import type { HeadInspection, HeadSummary, InspectResult } from "./inspect-result.ts";
import { DEFAULT_TYPE } from "./make-gguf.ts";
import { EMBEDDED_MODEL, modelPathOf } from "./model-path.ts";
import { aSignal, aString, checkOptions, given, takesOnlyOptions } from "./options.ts";
import { templateDateUse } from "./prompt/template-date.ts";
import { inputLength, type RewardHead } from "./reward-head.ts";
import { aLoad } from "./scoring/load-options.ts";
import { describeModelFile, type ModelFile } from "./scoring/model-file.ts";
import { predictFor } from "./scoring/predict-memory.ts";
import type { LoadRewardModelOptions } from "./scoring/types.ts";
import { FLOAT_FIELDS, SHAPE_FIELDS } from "./trunk/shape.ts";

/** Options of inspectModel(). Those of the hub apply only to "hf:" names. */
export interface InspectOptions extends HubOptions {
  /**
   * A GGUF (of a model or a head), a checkpoint folder, or "tiny"; also "hf:OWNER/NAME" (a checkpoint on the hub),
   * "hf:OWNER/NAME/FILE.gguf" or the URL of a GGUF, of which only the header is downloaded.
   */
  readonly modelPath: string;
  /** Stops the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** For a checkpoint: the weight type to predict memory for; default "q4_k_m". */
  readonly type?: string;
  /** Load options, for the prediction of memory. */
  readonly load?: Omit<LoadRewardModelOptions, "modelPath" | "onProgress" | "signal">;
}

/**
 * Describes a GGUF, a head file or a checkpoint. Only headers are read; no llama.cpp runtime is needed. A valid GGUF
 * without a reward head is described too.
 *
 * @throws InvalidInputError for a wrong option; FileError for a path that is missing, or a file or folder that is broken;
 *   HubError for what cannot be fetched; the signal's reason
 */
export async function inspectModel(options: InspectOptions): Promise<InspectResult | HeadInspection> {
  takesOnlyOptions("inspectModel", arguments);
  options = checkOptions(
    "inspectModel",
    options,
    {
      ...hubChecks,
      modelPath: aString,
      signal: aSignal,
      type: aString,
      load: aLoad,
    },
    ["modelPath"],
  );
  options.signal?.throwIfAborted();
  const { modelPath } = options;
  if (isRemote(modelPath)) return inspectRemote(modelPath, options);
  const isFolder = await stat(modelPath).then(
    (stats) => modelPath !== EMBEDDED_MODEL && stats.isDirectory(),
    () => false,
  );
  const path = isFolder ? modelPath : await modelPathOf(modelPath, options);
  return isFolder ? inspectCheckpoint(path, options) : inspectGguf(path, options);
}

async function inspectRemote(spec: string, options: InspectOptions): Promise<InspectResult | HeadInspection> {
  const { modelPath: _path, type: _type, load: _load, ...hub } = options;
  const remote = await openRemote(spec, hub);
  if (remote.kind === "checkpoint") return inspectCheckpoint(remote.folder, options);
  try {
    return await inspectGguf(remote.file, options);
  } finally {
    await remote.file.close();
  }
}

async function inspectGguf(
  place: string | ByteSource,
  { type, load = {} }: InspectOptions,
): Promise<InspectResult | HeadInspection> {
  if (type !== undefined)
    throw invalidArgument("inspectModel's type", "a checkpoint: a GGUF already has its type", type);
  const path = typeof place === "string" ? place : place.path;
  const gguf = await readGguf(place);
  if (isHeadFile(gguf)) return inspectHead(gguf, path);
  const file = rewardModel(gguf, path);
  const text = (key: string) => {
    const value = gguf.metadata.get(key);
    return value?.type === "string" ? value.value : "";
  };
  const architecture = text("general.architecture");
  const number = (key: string) => {
    const value = gguf.metadata.get(`${architecture}.${key}`)?.value;
    return typeof value === "number" ? value : 0;
  };
  const fileType = gguf.metadata.get("general.file_type")?.value;
  return {
    path,
    kind: "gguf",
    architecture,
    name: text("general.name"),
    fileType: typeof fileType === "number" ? fileTypeName(fileType) : "unknown",
    parameters: gguf.tensors.reduce((sum, { dims }) => sum + weightCount(dims), 0),
    size: gguf.tensors.reduce((sum, { size }) => sum + size, 0),
    layers: number(SHAPE_FIELDS.layers.key),
    embeddingLength: number(SHAPE_FIELDS.embeddingLength.key),
    feedForwardLength: number(SHAPE_FIELDS.feedForwardLength.key),
    heads: number(SHAPE_FIELDS.heads.key),
    kvHeads: number(SHAPE_FIELDS.keyValueHeads.key),
    vocabularySize: number(SHAPE_FIELDS.vocabularySize.key),
    trainedContext: number(SHAPE_FIELDS.contextLength.key),
    ropeFrequencyBase: number(FLOAT_FIELDS.ropeTheta.key),
    ...(file === undefined ? {} : { ...rewardFields(file), memory: predictFor(file, load) }),
    ...describeWeightTypes(gguf),
  };
}

function inspectHead(gguf: GgufHeader, path: string): HeadInspection {
  const { head, ...said } = describeHeadFile(gguf, path);
  return { path, kind: "head", embeddingLength: inputLength(head), head: summarize(head), ...said };
}

function rewardModel(gguf: GgufHeader, path: string): ModelFile | undefined {
  try {
    return describeModelFile(gguf, path);
  } catch (error) {
    if (isStarlingError(error) && error.code === "ERR_NO_REWARD_HEAD") return undefined;
    throw error;
  }
}

function rewardFields(reward: RewardMetadata): Partial<InspectResult> {
  const { notice, head, profile, template, tokenization, maxTokens, window, truncationSide, padTokenId } = reward;
  const { scorePosition, source, trunkSha256, name, fit, chatTemplate, templateNames } = reward;
  return {
    name,
    ...(notice === undefined ? {} : { notice }),
    head: summarize(head),
    profile,
    template,
    ...templateFields(chatTemplate?.source, chatTemplate?.from, templateNames),
    tokenization,
    maxTokens,
    ...given({ window }),
    truncationSide,
    ...(padTokenId === undefined ? {} : { padTokenId }),
    scorePosition,
    source,
    ...given({ trunkSha256 }),
    ...(fit === undefined ? {} : { fit }),
  };
}

function templateFields(
  source: string | undefined,
  from: string | undefined,
  names: readonly string[] | undefined,
): Pick<InspectResult, "templateFrom" | "templateDate" | "templateNames"> {
  const date = source === undefined ? undefined : templateDateUse(source);
  return given({ templateFrom: from, templateDate: date, templateNames: names });
}

async function inspectCheckpoint(
  place: string | CheckpointFolder,
  { modelPath, type = DEFAULT_TYPE, load = {}, ...hub }: InspectOptions,
): Promise<InspectResult> {
  const fileType = weightType(type);
  const folder = typeof place === "string" ? await openLocalFolder(place) : place;
  const { path } = folder;
  const isAdapter = await folder.has(ADAPTER_CONFIG);
  const checkpoint = await openCheckpoint(
    isAdapter ? (await openModelFolder(modelPath, { ...hub, stream: true })).folder : folder,
  );
  try {
    const { config } = checkpoint;
    const tensors = [...checkpoint.tensors.values()];
    const counted = countTypes(tensors.map(({ dtype, size }) => ({ type: dtype, size })));
    const {
      head: { head },
      header,
    } = await planFile(checkpoint, fileType, planTensors(checkpoint, fileType), {});
    const bytes = header.parts[0]?.bytes ?? new Uint8Array();
    const gguf = await readGguf(bytesSource(path, "", bytes, header.fileSize));
    const model = describeModelFile(gguf, path);
    const { chatTemplate, templateNames } = model;
    return {
      path,
      kind: "checkpoint",
      architecture: config.trunk.architecture,
      name: config.name ?? checkpoint.folder.name,
      ...(config.notice === undefined ? {} : { notice: config.notice }),
      fileType: Object.keys(counted.tensorTypes).join(", ").toLowerCase(),
      parameters: tensors.reduce((sum, { shape }) => sum + weightCount(shape), 0),
      size: tensors.reduce((sum, { size }) => sum + size, 0),
      layers: config.layers,
      embeddingLength: config.embeddingLength,
      feedForwardLength: config.feedForwardLength,
      heads: config.heads,
      kvHeads: config.keyValueHeads,
      vocabularySize: config.vocabularySize,
      trainedContext: config.contextLength,
      ropeFrequencyBase: config.ropeTheta,
      head: summarize(head),
      ...describeScoring(checkpoint),
      ...templateFields(chatTemplate?.source, chatTemplate?.from, templateNames),
      ...given({ templateNotice: unusedTemplateNotice(checkpoint) }),
      memory: predictFor(model, load),
      ...describeWeightTypes(gguf),
      ...counted,
    };
  } finally {
    await checkpoint.close();
  }
}

function summarize(head: RewardHead): HeadSummary {
  const { weight, bias, hidden, direction } = head;
  let [sum, squares] = [0, 0];
  for (const value of weight) {
    sum += value;
    squares += value * value;
  }
  const further = given({ bias, hiddenRows: hidden && weight.length, direction });
  return { length: inputLength(head), norm: Math.sqrt(squares), mean: sum / weight.length, ...further };
}

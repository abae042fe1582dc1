/** Describes a GGUF or a checkpoint without loading it. */
import { stat } from "node:fs/promises";
import { openCheckpoint } from "./checkpoint/checkpoint.ts";
import type { CheckpointFolder } from "./checkpoint/folder.ts";
import { unusedTemplateNotice } from "./convert/chat-template-metadata.ts";
import { planFile } from "./convert/convert.ts";
import { describeScoring, type TokenizerFileSummary } from "./convert/metadata.ts";
import { weightType } from "./convert/options.ts";
import { planTensors } from "./convert/plan.ts";
import { invalidArgument, isStarlingError } from "./errors.ts";
import { type ByteSource, bytesSource } from "./files/byte-source.ts";
import type { FitRecord } from "./gguf/fit-record.ts";
import { describeHeadFile, isHeadFile } from "./gguf/head-file.ts";
import { type GgufHeader, weightCount } from "./gguf/header.ts";
import { readGguf } from "./gguf/reader.ts";
import type { RewardMetadata } from "./gguf/reward-metadata.ts";
import { fileTypeName } from "./gguf/types.ts";
import { countTypes, describeWeightTypes, type WeightTypes } from "./gguf/weight-types.ts";
import { isRemote, openRemote } from "./hub/open-remote.ts";
import { type HubOptions, hubChecks } from "./hub/settings.ts";
import { DEFAULT_TYPE } from "./make-gguf.ts";
import { modelPathOf } from "./model-path.ts";
import { aSignal, aString, checkOptions, given } from "./options.ts";
import { type TemplateDateUse, templateDateUse } from "./prompt/template-date.ts";
import type { RewardHead } from "./reward-head.ts";
import { aLoad } from "./scoring/load-options.ts";
import { describeModelFile, type ModelFile } from "./scoring/model-file.ts";
import { predictFor } from "./scoring/predict-memory.ts";
import type { LoadRewardModelOptions, MemoryPrediction } from "./scoring/types.ts";
import { FLOAT_FIELDS, SHAPE_FIELDS } from "./trunk/shape.ts";

/** Of a checkpoint, `typeFallbacks` and `typeNotice` are what its conversion to `type` would have. */
export interface InspectResult extends WeightTypes {
  /** The file or folder, as given. */
  readonly path: string;
  /** A converted model, or a checkpoint that can be converted. */
  readonly kind: "gguf" | "checkpoint";
  /** For example "llama". */
  readonly architecture: string;
  /** The model's own name. */
  readonly name: string;
  /** Set for a demonstration model; show it. */
  readonly notice?: string;
  /** Weight type, for example "q4_k_m"; of a checkpoint the types of its tensors. */
  readonly fileType: string;
  /** Number of weights. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  /** Number of layers. */
  readonly layers: number;
  /** Length of a hidden state. */
  readonly embeddingLength: number;
  /** Width of the feed-forward layers. */
  readonly feedForwardLength: number;
  /** Attention heads per layer. */
  readonly heads: number;
  /** Key and value heads per layer. */
  readonly kvHeads: number;
  /** Number of token ids. */
  readonly vocabularySize: number;
  /** Maximum number of tokens the model was trained with. */
  readonly trainedContext: number;
  /** Base of the rotary position embedding. */
  readonly ropeFrequencyBase: number;
  /** The reward head; absent for a GGUF without one. */
  readonly head?: HeadSummary;
  /** The kind of reward model. */
  readonly profile?: string;
  /** How a prompt and a response become text: the name of a template. */
  readonly template?: string;
  /** For the template "chat-template": its file in the checkpoint, if known. */
  readonly templateFrom?: string;
  /** Whether that template prints a date (templateDate, --template-date); absent: it does not. */
  readonly templateDate?: TemplateDateUse;
  /** For the template "none": the names of the checkpoint's templates, none of which is the default. */
  readonly templateNames?: readonly string[];
  /** For a checkpoint: a note if it has a chat template that its profile does not use. */
  readonly templateNotice?: string;
  /** How text becomes tokens by default. */
  readonly tokenization?: string;
  /** For a checkpoint: the tokenizer file used, and the other one if both give the same ids. */
  readonly tokenizerFile?: TokenizerFileSummary;
  /** Maximum number of tokens per text. */
  readonly maxTokens?: number;
  /** What happens to a longer text: "left" keeps its last tokens, "none" refuses it. */
  readonly truncationSide?: string;
  /** The id of the padding token; absent if the model has none. */
  readonly padTokenId?: number;
  /** Where the score is read. */
  readonly scorePosition?: string;
  /**
   * Fingerprint of the model without its head, 64 hexadecimal digits: heads are for one trunk. Absent for a checkpoint and
   * for files of older versions.
   */
  readonly trunkSha256?: string;
  /** Where it was converted from, if the file says so. */
  readonly source?: RewardMetadata["source"];
  /** How the head was fitted, if it is not the checkpoint's own. */
  readonly fit?: FitRecord;
  /** Memory for scoring; for a checkpoint, once converted. Absent without a reward head. */
  readonly memory?: MemoryPrediction;
}

/** Statistics of a reward head. */
export interface HeadSummary {
  /** Number of weights. */
  readonly length: number;
  /** Euclidean norm of the weights. */
  readonly norm: number;
  /** Mean of the weights. */
  readonly mean: number;
  /** Added to every score; absent for a head without bias. */
  readonly bias?: number;
}

/** A head file: a reward head without a model. */
export interface HeadInspection {
  /** The file. */
  readonly path: string;
  /** Distinguishes it from an {@link InspectResult}. */
  readonly kind: "head";
  /** The name in the file. */
  readonly name: string;
  /** Of the model that it is for. */
  readonly embeddingLength: number;
  /** Statistics of the weights. */
  readonly head: HeadSummary;
  /** The kind of reward model that it is for. */
  readonly profile: string;
  /** How text became ids when it was fitted. */
  readonly tokenization: string;
  /** Fingerprint of the trunk that it is for. */
  readonly trunkSha256?: string;
  /** How it was fitted; absent if the file does not say. */
  readonly fit?: FitRecord;
}

/** The hub options apply to remote paths. */
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
  const path = await modelPathOf(options.modelPath, options.signal);
  if (isRemote(path)) return inspectRemote(path, options);
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
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
  return { path, kind: "head", embeddingLength: head.weight.length, head: summarize(head), ...said };
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
  const { notice, head, profile, template, tokenization, maxTokens, truncationSide, padTokenId } = reward;
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
  { type = DEFAULT_TYPE, load = {} }: InspectOptions,
): Promise<InspectResult> {
  const fileType = weightType(type);
  const path = typeof place === "string" ? place : place.path;
  const checkpoint = await openCheckpoint(place);
  try {
    const { config } = checkpoint;
    const tensors = [...checkpoint.tensors.values()];
    const counted = countTypes(tensors.map(({ dtype, size }) => ({ type: dtype, size })));
    const {
      head: { head },
      header,
    } = await planFile(checkpoint, fileType, planTensors(checkpoint, fileType), {});
    const gguf = await readGguf(bytesSource(path, "", header.bytes, header.fileSize));
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

function summarize({ weight, bias }: RewardHead): HeadSummary {
  let [sum, squares] = [0, 0];
  for (const value of weight) {
    sum += value;
    squares += value * value;
  }
  return { length: weight.length, norm: Math.sqrt(squares), mean: sum / weight.length, ...given({ bias }) };
}

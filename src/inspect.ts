/** What a GGUF or a checkpoint is, without loading it. */
import { stat } from "node:fs/promises";
import { openCheckpoint } from "./checkpoint/checkpoint.ts";
import { readHead } from "./convert/head.ts";
import { describeScoring } from "./convert/metadata.ts";
import { isStarlingError } from "./errors.ts";
import { type GgufHeader, weightCount } from "./gguf/header.ts";
import { readGguf } from "./gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "./gguf/reward-metadata.ts";
import { fileTypeName } from "./gguf/types.ts";

export interface InspectResult {
  readonly path: string;
  readonly kind: "gguf" | "checkpoint";
  readonly architecture: string;
  readonly name: string;
  /** Set for a demonstration model: to be shown. */
  readonly notice?: string;
  readonly fileType: string;
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  readonly layers: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabularySize: number;
  readonly trainedContext: number;
  readonly ropeFrequencyBase: number;
  /** The reward head; absent for a GGUF without one. */
  readonly head?: HeadSummary;
  /** The kind of reward model. */
  readonly profile?: string;
  readonly template?: string;
  readonly tokenization?: string;
  readonly maxTokens?: number;
  readonly truncationSide?: string;
  readonly padTokenId?: number;
  /** Where the score is read. */
  readonly scorePosition?: string;
  /** Where it was converted from, as far as the file says. */
  readonly source?: RewardMetadata["source"];
  /** Number of tensors by element type, for example {"Q4_K": 24, "F32": 9}. */
  readonly tensorTypes: Readonly<Record<string, number>>;
}

export interface HeadSummary {
  readonly length: number;
  /** Euclidean norm. */
  readonly norm: number;
  readonly mean: number;
}

/**
 * Reads headers only. A sound GGUF without a reward head is described, too.
 *
 * @throws FileError for a path that is missing, or a file or folder that is broken
 */
export async function inspectModel(path: string): Promise<InspectResult> {
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return isFolder ? inspectCheckpoint(path) : inspectGguf(path);
}

async function inspectGguf(path: string): Promise<InspectResult> {
  const gguf = await readGguf(path);
  const reward = rewardMetadata(gguf, path);
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
    layers: number("block_count"),
    embeddingLength: number("embedding_length"),
    feedForwardLength: number("feed_forward_length"),
    heads: number("attention.head_count"),
    kvHeads: number("attention.head_count_kv"),
    vocabularySize: number("vocab_size"),
    trainedContext: number("context_length"),
    ropeFrequencyBase: number("rope.freq_base"),
    ...(reward === undefined ? {} : rewardFields(reward)),
    tensorTypes: countBy(gguf.tensors.map(({ type }) => type.name)),
  };
}

function rewardMetadata(gguf: GgufHeader, path: string): RewardMetadata | undefined {
  try {
    return readRewardMetadata(gguf, path);
  } catch (error) {
    if (isStarlingError(error) && error.code === "ERR_NO_REWARD_HEAD") return undefined;
    throw error;
  }
}

function rewardFields(reward: RewardMetadata): Partial<InspectResult> {
  const { notice, head, profile, template, tokenization, maxTokens, truncationSide, padTokenId } = reward;
  const { scorePosition, source, name } = reward;
  return {
    name,
    ...(notice === undefined ? {} : { notice }),
    head: summarize(head),
    profile,
    template,
    tokenization,
    maxTokens,
    truncationSide,
    ...(padTokenId === undefined ? {} : { padTokenId }),
    scorePosition,
    source,
  };
}

async function inspectCheckpoint(path: string): Promise<InspectResult> {
  const checkpoint = await openCheckpoint(path);
  try {
    const { config } = checkpoint;
    const tensors = [...checkpoint.tensors.values()];
    const tensorTypes = countBy(tensors.map(({ dtype }) => dtype));
    const { weight } = await readHead(checkpoint);
    return {
      path,
      kind: "checkpoint",
      architecture: "llama",
      name: config.name ?? checkpoint.folder.name,
      ...(config.notice === undefined ? {} : { notice: config.notice }),
      fileType: Object.keys(tensorTypes).join(", ").toLowerCase(),
      parameters: tensors.reduce((sum, { shape }) => sum + weightCount(shape), 0),
      size: tensors.reduce((sum, { size }) => sum + size, 0),
      layers: config.layers,
      embeddingLength: config.hiddenSize,
      feedForwardLength: config.feedForwardSize,
      heads: config.heads,
      kvHeads: config.keyValueHeads,
      vocabularySize: config.vocabSize,
      trainedContext: config.contextLength,
      ropeFrequencyBase: config.ropeTheta,
      head: summarize(weight),
      ...describeScoring(checkpoint),
      tensorTypes,
    };
  } finally {
    await checkpoint.close();
  }
}

function summarize(head: Float32Array): HeadSummary {
  const { length } = head;
  return { length, norm: Math.hypot(...head), mean: head.reduce((sum, value) => sum + value, 0) / length };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

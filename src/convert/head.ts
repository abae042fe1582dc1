import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { type CheckpointTensor, floatTypeOf } from "../checkpoint/checkpoint-tensor.ts";
import { FLOAT_BYTES, firstNonFinite, floatAt, toFloats } from "../checkpoint/dtypes.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { quote } from "../files/byte-source.ts";
import { type Normalization, normalizedHead } from "../gguf/head-metadata.ts";
import type { HiddenLayer, RewardHead } from "../reward-head.ts";
import { readNormalization } from "./normalization.ts";
import { checkTensor } from "./plan.ts";

/** The reward head, and its bytes in the checkpoint. */
export interface CheckpointHead {
  readonly head: RewardHead;
  /** What the checkpoint says about normalising its scores; applied: they are, by this head. */
  readonly normalization: Normalization | undefined;
  /** The bytes of each of its tensors, by the tensor's name. */
  readonly sourceBytes: ReadonlyMap<string, Uint8Array>;
}

/** Longest hidden layer that is kept as metadata: a model's header is read into memory whole. */
const MAX_HIDDEN_NUMBERS = 2 ** 26;
/** Most head tensors in a message. */
const MAX_LABELS_SHOWN = 4;

/**
 * Reads the reward head.
 *
 * @param normalize whether its scores are normalised; undefined: as the reference does
 * @throws FileError ERR_INVALID_CHECKPOINT when it is missing, has another shape, or holds a value that is not finite
 */
export async function readHead(checkpoint: Checkpoint, normalize?: boolean): Promise<CheckpointHead> {
  const { embeddingLength } = checkpoint.config;
  const { head: tensors, profile } = checkpoint;
  const sourceBytes = new Map<string, Uint8Array>();
  const read = (name: string, shape: readonly number[]) => readValues(checkpoint, name, shape, sourceBytes);
  const optional = async (name: string | undefined, shape: readonly number[]) =>
    name !== undefined && checkpoint.tensors.has(name) ? await read(name, shape) : undefined;
  checkLabels(checkpoint);
  const hidden = await readHidden(checkpoint, read, optional);
  const width = hidden === undefined ? embeddingLength : hidden.weight.length / embeddingLength;
  const weight =
    tensors.row === undefined
      ? await read(tensors.weight, [1, width])
      : await readRow(checkpoint, tensors.weight, tensors.row, sourceBytes);
  const [bias] = (await optional(tensors.bias, [1])) ?? [];
  const raw: RewardHead = {
    weight,
    ...(bias === undefined ? {} : { bias }),
    ...(hidden === undefined ? {} : { hidden }),
    ...(profile.direction === "lower" ? { direction: "lower" } : {}),
  };
  const normalization = await readNormalization(
    checkpoint,
    normalize,
    async (name) => (await optional(name, numberShape(checkpoint, name)))?.[0],
  );
  const head = normalization?.applied ? normalizedHead(raw, normalization) : raw;
  return { head, normalization, sourceBytes };
}

/** A number may be stored as one, or as a list of one. */
function numberShape({ tensors }: Checkpoint, name: string): readonly number[] {
  return tensors.get(name)?.shape.length === 0 ? [] : [1];
}

/** Several rows are several labels: which of them would be the reward? */
function checkLabels({ head, tensors, profile }: Checkpoint): void {
  const tensor = tensors.get(head.weight);
  if (tensor === undefined || head.row !== undefined) return;
  const [rows = 0, columns] = tensor.shape;
  if (rows < 2 || columns === undefined) return;
  const all = [...tensors.values()].filter(({ name }) => /score|head|gating|regression|reward/.test(name));
  const found = all.slice(0, MAX_LABELS_SHOWN).map(({ name, shape }) => `${name} [${shape.join(", ")}]`);
  throw refuse(
    tensor.file,
    `has a head of ${rows} labels (${found.join(", ")}); a ${profile.name} has one, the reward, and how to weigh several is not ` +
      "known here.",
    { tensor: tensor.name },
  );
}

type Read<T> = (name: string, shape: readonly number[]) => Promise<T>;

async function readHidden(
  { head, tensors, config: { embeddingLength } }: Checkpoint,
  read: Read<Float32Array>,
  optional: (name: string | undefined, shape: readonly number[]) => Promise<Float32Array | undefined>,
): Promise<HiddenLayer | undefined> {
  if (head.hidden === undefined) return undefined;
  const { weight: name, bias: biasName, activation } = head.hidden;
  const tensor = tensors.get(name);
  const rows = tensor?.shape[0] ?? 0;
  if (tensor !== undefined && rows * embeddingLength > MAX_HIDDEN_NUMBERS)
    throw refuse(
      tensor.file,
      `has a head with a hidden layer of ${rows} × ${embeddingLength} numbers (${quote(name)}); at most ${MAX_HIDDEN_NUMBERS} are ` +
        "kept beside a model.",
      { tensor: name },
    );
  const weight = await read(name, [Math.max(1, rows), embeddingLength]);
  const bias = await optional(biasName, [rows]);
  return { weight, ...(bias === undefined ? {} : { bias }), activation };
}

/** A tensor in float32; its bytes in the checkpoint are added to `sourceBytes`. */
async function readValues(
  checkpoint: Checkpoint,
  name: string,
  shape: readonly number[],
  sourceBytes: Map<string, Uint8Array>,
): Promise<Float32Array> {
  const tensor = checkTensor(checkpoint, name, shape);
  return readPart(checkpoint, tensor, { from: 0, size: tensor.size }, sourceBytes);
}

/** One row of an output layer. */
async function readRow(
  checkpoint: Checkpoint,
  name: string,
  row: number,
  sourceBytes: Map<string, Uint8Array>,
): Promise<Float32Array> {
  const { vocabularySize, embeddingLength } = checkpoint.config;
  const tensor = checkTensor(checkpoint, name, [vocabularySize, embeddingLength]);
  const size = embeddingLength * FLOAT_BYTES[floatTypeOf(tensor)];
  // Tied embeddings are also a tensor of the trunk, whose digest is of all its bytes.
  const isOfTrunk = name.endsWith(checkpoint.config.trunk.embeddings.source);
  return readPart(checkpoint, tensor, { from: row * size, size }, isOfTrunk ? new Map() : sourceBytes);
}

async function readPart(
  checkpoint: Checkpoint,
  tensor: CheckpointTensor,
  { from, size }: { readonly from: number; readonly size: number },
  sourceBytes: Map<string, Uint8Array>,
): Promise<Float32Array> {
  const type = floatTypeOf(tensor);
  const bytes = new Uint8Array(size);
  await checkpoint.readTensor(tensor, from, bytes);
  const bad = firstNonFinite(bytes, type);
  if (bad !== -1)
    throw refuse(
      tensor.file,
      `contains ${floatAt(bytes, type, bad)} at index ${bad} of the reward head ${quote(tensor.name)}.`,
      {
        tensor: tensor.name,
      },
    );
  sourceBytes.set(tensor.name, bytes);
  return toFloats(bytes, type);
}

import type { Checkpoint, CheckpointTensor } from "../checkpoint/checkpoint.ts";
import { floatTypeOf } from "../checkpoint/checkpoint-tensor.ts";
import type { CheckpointConfig } from "../checkpoint/config.ts";
import { FLOAT_BYTES, type FloatType } from "../checkpoint/dtypes.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { FileError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { inQuantizerOrder, quantizedType } from "../gguf/quantization-mix.ts";
import type { TensorPlan } from "../gguf/serialize.ts";
import { type FileType, tensorTypeByName } from "../gguf/types.ts";
import { ROPE_DIVISORS } from "../trunk/tensor-names.ts";
import { type ExpectedTensor, expectedTensors } from "../trunk/trunk.ts";

/** One tensor on its way from the checkpoint to the GGUF. */
export interface TensorJob extends TensorPlan {
  readonly source: CheckpointTensor;
  readonly from: FloatType;
  /** "quantized": llama.cpp makes it, as `type` says. */
  readonly to: FloatType | "quantized";
  readonly permutedHeads?: number;
  /** The values are multiplied, then added to, in float32. */
  readonly change?: { readonly factor?: number; readonly add?: number };
}

/**
 * Checks that the checkpoint has exactly the tensors that its configuration requires, and plans the conversion of each, in
 * the order of llama.cpp's quantiser. Vectors (the norms) are always f32, as llama.cpp requires.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT naming the tensor and what was expected
 */
export function planTensors(checkpoint: Checkpoint, fileType: FileType): TensorJob[] {
  const { config } = checkpoint;
  const jobs = checkTensorSet(checkpoint).map(({ expected, source }): TensorJob => {
    const dims = [...expected.shape].reverse();
    const from = floatTypeOf(source);
    const type = typeOf(expected, fileType, config);
    const change = expected.change?.(config);
    return {
      name: expected.target,
      type: tensorTypeByName(type),
      dims,
      source,
      from,
      to: isFloatType(type) ? type : "quantized",
      ...(expected.permutedHeads === undefined ? {} : { permutedHeads: expected.permutedHeads }),
      ...(change === undefined ? {} : { change }),
    };
  });
  return inQuantizerOrder(jobs);
}

function typeOf({ target, shape }: ExpectedTensor, fileType: FileType, config: CheckpointConfig): string {
  const [, rowLength] = shape;
  if (rowLength === undefined) return "f32";
  return fileType.kind === "direct" ? fileType.name : quantizedType(fileType.name, target, rowLength, config);
}

export function isFloatType(name: string): name is FloatType {
  return name in FLOAT_BYTES;
}

function checkTensorSet(checkpoint: Checkpoint): { expected: ExpectedTensor; source: CheckpointTensor }[] {
  const { config, tensors } = checkpoint;
  if (!tensors.has(checkpoint.head.weight)) throw noHead(checkpoint);
  const expected = sourcesOf(checkpoint);
  const known = new Set([...expected.map(({ source }) => source), ...headNames(checkpoint)]);
  for (const tensor of tensors.values())
    if (!known.has(tensor.name) && !isIgnored(tensor.name, checkpoint))
      throw refuse(
        tensor.file,
        `contains the tensor ${quote(tensor.name)}, which a reward model of model_type "${config.trunk.modelType}" with ${config.layers} layers does not have.`,
        { tensor: tensor.name },
      );
  return expected.map((item) => ({ expected: item, source: checkTensor(checkpoint, item.source, item.shape) }));
}

/** The trunk's tensors, by their full names in the checkpoint. */
function sourcesOf({ config, profile }: Checkpoint): ExpectedTensor[] {
  const stored = expectedTensors(config.trunk, config).map((tensor) => ({
    ...tensor,
    source: `${profile.trunkPrefix}${tensor.source}`,
  }));
  if (config.ropeScaling === undefined) return stored;
  return [...stored, { source: ROPE_DIVISORS, target: ROPE_DIVISORS, shape: [config.headDim / 2] }];
}

/** The names of the head's tensors. */
function headNames({ head: { weight, bias, hidden } }: Checkpoint): string[] {
  return [weight, bias, hidden?.weight, hidden?.bias].filter((name) => name !== undefined);
}

/** Tensors of the checkpoint that are left out: the trunk and the reference's code have no use for them. */
export function ignoredTensors(checkpoint: Checkpoint): string[] {
  const head = headNames(checkpoint);
  return [...checkpoint.tensors.keys()].filter((name) => !head.includes(name) && isIgnored(name, checkpoint));
}

/** Tensors that mean nothing to the trunk, or to the reference's code. */
function isIgnored(name: string, { config, profile }: Checkpoint): boolean {
  const { trunkPrefix, ignored } = profile;
  const inTrunk = name.startsWith(trunkPrefix) && config.trunk.ignored.test(name.slice(trunkPrefix.length));
  // The output layer of the language model that a reward model was made of.
  return inTrunk || name === "lm_head.weight" || (ignored?.test(name) ?? false);
}

/** The tensor with this name, if it has this shape and a float type. */
export function checkTensor(checkpoint: Checkpoint, name: string, shape: readonly number[]): CheckpointTensor {
  const tensor = checkpoint.tensors.get(name);
  if (tensor === undefined)
    throw new FileError(
      "ERR_INVALID_CHECKPOINT",
      `The checkpoint ${checkpoint.folder.path} has no tensor ${quote(name)} of the shape [${shape.join(", ")}].`,
      { file: checkpoint.folder.path, tensor: name },
    );
  if (tensor.shape.length !== shape.length || tensor.shape.some((dim, i) => dim !== shape[i]))
    throw refuse(
      tensor.file,
      `gives the tensor ${quote(name)} the shape [${tensor.shape.join(", ")}]; config.json requires [${shape.join(", ")}].`,
      { tensor: name },
    );
  floatTypeOf(tensor);
  return tensor;
}

function noHead(checkpoint: Checkpoint): FileError {
  const { weight } = checkpoint.head;
  const message = `The checkpoint ${checkpoint.folder.path} has no reward head (${weight}): it is not a reward model.`;
  return new FileError("ERR_INVALID_CHECKPOINT", message, { file: checkpoint.folder.path, tensor: weight });
}

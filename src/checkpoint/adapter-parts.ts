/** One module's matrices of an adapter, and the merged matrix that they give. */
import { type ByteSource, quote, readAlone } from "../files/byte-source.ts";
import type { AdapterConfig } from "./adapter-config.ts";
import type { ModulePart } from "./adapter-tensors.ts";
import { type CheckpointTensor, floatTypeOf } from "./checkpoint-tensor.ts";
import { FLOAT_BYTES, firstNonFinite, floatAt, toFloats } from "./dtypes.ts";
import { addLowRank, type LowRank, transposed } from "./low-rank.ts";
import { refuse } from "./refuse.ts";

/** Reads parts; keeps those of one module at a time. */
export class PartReader {
  readonly #file: ByteSource;
  #last: { readonly module: string; readonly parts: Promise<LowRank> } | undefined;

  constructor(file: ByteSource) {
    this.#file = file;
  }

  /**
   * The base's matrix with the adapter's part.
   *
   * @throws FileError ERR_INVALID_CHECKPOINT for shapes that do not fit the base's
   */
  merged(stored: CheckpointTensor, part: ModulePart, config: AdapterConfig): CheckpointTensor {
    const { a, module } = part;
    const [rows, columns, ...more] = stored.shape;
    if (rows === undefined || columns === undefined || more.length > 0)
      throw refuse(a.file, `adapts ${quote(module)}, which is not a matrix in the base.`, { tensor: a.name });
    const size = { rows, columns, rank: config.rankOf(module) };
    checkShapes(stored, part, size);
    floatTypeOf(stored);
    const scale = config.scaleOf(module);
    return {
      ...stored,
      dtype: "F32",
      size: rows * columns * FLOAT_BYTES.f32,
      change: {
        stored,
        apply: async (values, first) => addLowRank(values, first, await this.#load(part, size, scale)),
      },
    };
  }

  #load(part: ModulePart, size: PartSize, scale: number): Promise<LowRank> {
    if (this.#last?.module !== part.module)
      this.#last = { module: part.module, parts: readPart(this.#file, part, size, scale) };
    return this.#last.parts;
  }
}

interface PartSize {
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
}

function checkShapes(stored: CheckpointTensor, { a, b, isEmbedding, magnitudes }: ModulePart, size: PartSize): void {
  const { rows, columns, rank } = size;
  // PEFT keeps those of embeddings the other way round: A has a column for each token.
  checkShape(a, [rank, isEmbedding ? rows : columns], stored, rank);
  checkShape(b, [isEmbedding ? columns : rows, rank], stored, rank);
  if (magnitudes !== undefined) checkShape(magnitudes, [rows], stored, rank);
}

function checkShape(tensor: CheckpointTensor, shape: readonly number[], stored: CheckpointTensor, rank: number): void {
  floatTypeOf(tensor);
  if (tensor.shape.join() === shape.join()) return;
  throw refuse(
    tensor.file,
    `gives the tensor ${quote(tensor.name)} the shape [${tensor.shape.join(", ")}]; rank ${rank} and the base's ` +
      `${quote(stored.name)} of [${stored.shape.join(", ")}] require [${shape.join(", ")}].`,
    { tensor: tensor.name },
  );
}

async function readPart(file: ByteSource, part: ModulePart, size: PartSize, scale: number): Promise<LowRank> {
  const { rows, columns, rank } = size;
  const [first, second] = [await numbers(file, part.a), await numbers(file, part.b)];
  // PEFT's product of embeddings is the transpose of what is added.
  const [a, b] = part.isEmbedding
    ? [second, transposed(first, rank, rows)]
    : [transposed(first, rank, columns), second];
  const { magnitudes } = part;
  const lengths = magnitudes === undefined ? {} : { magnitudes: await numbers(file, magnitudes) };
  return { a, b, rank, columns, scale, ...lengths };
}

async function numbers(file: ByteSource, tensor: CheckpointTensor): Promise<Float64Array> {
  const type = floatTypeOf(tensor);
  const bytes = await readAlone(file, tensor.position, tensor.size);
  const bad = firstNonFinite(bytes, type);
  if (bad !== -1)
    throw refuse(tensor.file, `contains ${floatAt(bytes, type, bad)} at index ${bad} of ${quote(tensor.name)}.`, {
      tensor: tensor.name,
    });
  return new Float64Array(toFloats(bytes, type));
}

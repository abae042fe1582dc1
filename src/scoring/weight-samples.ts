/** Which weights of a model are multiplied by which kernels: one matrix represents all of its type and shape. */
import type { GgufHeader } from "../gguf/header.ts";
import type { WeightSample } from "../native/addon.ts";
import { placeInLayer } from "../trunk/tensor-names.ts";

/** A matrix of a layer, and how messages call its type. */
export interface NamedSample extends WeightSample {
  readonly typeName: string;
  /** Of a split model: the file that `position` is in. */
  readonly file?: string;
  /** Its bytes, and those of all matrices that it stands for. */
  readonly fileBytes: number;
  readonly totalBytes: number;
}

/** Kernels take rows in blocks of up to this many: beyond two of them the number of rows counts by what is left over. */
const LARGEST_BLOCK = 64;

/** One matrix for each weight type, row length and remainder of rows; the first of each in the file. */
export function weightSamples({ tensors, parts = [] }: GgufHeader): NamedSample[] {
  const samples = new Map<string, NamedSample>();
  for (const { name, dims, type, position, size } of tensors) {
    const [columns = 1, rows = 1] = dims;
    // The embedding is looked up, norms are vectors: neither is multiplied by a matrix kernel.
    if (dims.length !== 2 || rows === 1 || placeInLayer(name) === undefined) continue;
    const shape = rows < 2 * LARGEST_BLOCK ? rows : rows % LARGEST_BLOCK;
    const key = [type.id, columns, rows < 2 * LARGEST_BLOCK, shape].join(" ");
    const part = parts.findLast(({ start }) => start <= position);
    const first = samples.get(key) ?? {
      ...(part === undefined ? {} : { file: part.path }),
      type: type.id,
      typeName: type.name,
      columns,
      rows,
      position: position - (part?.start ?? 0),
      fileBytes: size,
      totalBytes: 0,
    };
    samples.set(key, { ...first, totalBytes: first.totalBytes + size });
  }
  return [...samples.values()];
}

/** A small model taken apart, to be changed and put together again. */
import { readFileSync } from "node:fs";
import { alignUp, DEFAULT_ALIGNMENT } from "../../../src/gguf/header.ts";
import { HeaderCursor } from "../../../src/gguf/header-cursor.ts";
import { parseHeader } from "../../../src/gguf/parse-header.ts";
import { serializeHeader } from "../../../src/gguf/serialize.ts";
import { type TensorType, tensorBytes } from "../../../src/gguf/types.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import type { Random } from "../../unit/fuzz/byte-mutations.ts";

export interface SampleTensor {
  name: string;
  type: TensorType;
  dims: number[];
  /** Fitted to type and dims when the file is written: repeated, or cut off. */
  data: Uint8Array;
}

export interface Sample {
  /** The checkpoint and the weight type. */
  readonly name: string;
  readonly metadata: Map<string, GgufValue>;
  readonly tensors: SampleTensor[];
  /** That of the file's layout, whatever the metadata say. */
  alignment: number;
  /** Changes of the finished file. */
  readonly finish: ((bytes: Buffer) => Buffer)[];
}

/** Changes a sample in place. @returns what was changed, for people */
export type Mutation = (sample: Sample, random: Random) => string;
/** The higher the weight, the more often. */
export type WeightedMutation = readonly [weight: number, mutation: Mutation];

export const u32 = (value: number): GgufValue => ({ type: "u32", value: Math.trunc(value) >>> 0 });

/** Most of anything that mutations go by: another mutation may have asked for billions. */
const MOST = 100_000;

/** The hyperparameter llama.NAME, up to 100,000; 0 where there is none. */
export function numberAt({ metadata }: Sample, name: string): number {
  const value = metadata.get(`llama.${name}`)?.value;
  return typeof value === "number" && value > 0 ? Math.min(Math.trunc(value), MOST) : 0;
}

/** A forged shape may ask for any amount of data: a file that is cut off is as good a test. */
const MOST_DATA_BYTES = 8 * 1024 * 1024;

export function readSample(name: string, path: string): Sample {
  const bytes = readFileSync(path);
  const { metadata, tensors } = parseHeader(new HeaderCursor(bytes, { path, size: bytes.length }));
  return {
    name,
    metadata: new Map(metadata),
    tensors: tensors.map(({ name, type, dims, position, size }) => ({
      name,
      type,
      dims: [...dims],
      data: bytes.subarray(position, position + size),
    })),
    alignment: DEFAULT_ALIGNMENT,
    finish: [],
  };
}

/** Values and data are shared: mutations put others in their place. */
export function copySample(sample: Sample): Sample {
  const tensors = sample.tensors.map((tensor) => ({ ...tensor, dims: [...tensor.dims] }));
  return { ...sample, metadata: new Map(sample.metadata), tensors, finish: [] };
}

export function writeSample({ metadata, tensors, alignment, finish }: Sample): Buffer {
  for (const tensor of tensors) tensor.dims = tensor.dims.map((dim) => Math.max(0, Math.trunc(dim)));
  const { bytes } = serializeHeader(metadata, tensors, alignment);
  const parts: Uint8Array[] = [bytes];
  let total = 0;
  for (const { type, dims, data } of tensors) {
    const size = Number(tensorBytes(type, dims.map(BigInt)));
    const padded = alignUp(size, alignment);
    if (total + padded > MOST_DATA_BYTES) break;
    const part = Buffer.alloc(padded);
    if (data.length > 0) part.fill(data, 0, size);
    parts.push(part);
    total += padded;
  }
  return finish.reduce<Buffer>((file, change) => change(file), Buffer.concat(parts));
}

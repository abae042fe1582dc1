import { basename } from "node:path";
import type { ByteSource } from "../files/byte-source.ts";
import { type GgufHeader, weightCount } from "../gguf/header.ts";
import { readGguf } from "../gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "../gguf/reward-metadata.ts";
import { missingTypeNotice } from "../gguf/weight-types.ts";
import { placeInLayer, TOKEN_EMBEDDINGS } from "../trunk/tensor-names.ts";
import { type NamedSample, weightSamples } from "./weight-samples.ts";

export interface ModelFile extends RewardMetadata {
  /** Number of weights in all tensors. */
  readonly parameters: number;
  /** Bytes of all tensors, and of those of each type. */
  readonly weightBytes: number;
  readonly bytesByType: ReadonlyMap<string, number>;
  /** A notice, set if none of the file's matrices has the weight type that the file is labelled with. */
  readonly typeNotice?: string;
  /** Bytes of each layer's tensors, and of the token embedding. */
  readonly layerBytes: readonly number[];
  readonly embeddingBytes: number;
  /** A weight matrix for each type and shape that is multiplied. */
  readonly weightSamples: readonly NamedSample[];
  /** Bytes; tensors start at multiples of it. */
  readonly alignment: number;
}

/**
 * Reads and checks the header of a reward model's GGUF.
 *
 * @param place a path, or the file, which stays open
 * @throws FileError for a file that is missing, broken, or not a reward model of this project
 */
export async function readModelFile(place: string | ByteSource): Promise<ModelFile> {
  return describeModelFile(await readGguf(place), typeof place === "string" ? place : place.path);
}

/** @throws FileError for a GGUF that is not a reward model of this project */
export function describeModelFile(gguf: GgufHeader, path: string): ModelFile {
  const bytesByType = new Map<string, number>();
  let parameters = 0;
  let weightBytes = 0;
  for (const { dims, type, size } of gguf.tensors) {
    parameters += weightCount(dims);
    weightBytes += size;
    bytesByType.set(type.name, (bytesByType.get(type.name) ?? 0) + size);
  }
  const metadata = readRewardMetadata(gguf, path);
  const typeNotice = missingTypeNotice(basename(path), gguf);
  return {
    ...metadata,
    parameters,
    weightBytes,
    bytesByType,
    ...(typeNotice === undefined ? {} : { typeNotice }),
    alignment: gguf.alignment,
    ...bytesByPlace(gguf, metadata.shape.layers),
    weightSamples: weightSamples(gguf),
  };
}

/** The metadata was checked before: the layers are complete, and there are no others. */
function bytesByPlace(gguf: GgufHeader, layers: number): Pick<ModelFile, "layerBytes" | "embeddingBytes"> {
  const layerBytes = new Array<number>(layers).fill(0);
  let embeddingBytes = 0;
  for (const { name, size } of gguf.tensors) {
    const layer = placeInLayer(name)?.layer;
    if (layer !== undefined) layerBytes[layer] = (layerBytes[layer] ?? 0) + size;
    else if (name === TOKEN_EMBEDDINGS) embeddingBytes += size;
  }
  return { layerBytes, embeddingBytes };
}

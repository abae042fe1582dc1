/** Divides a GGUF into parts as llama-gguf-split does: all metadata in the first, tensors in their order. */

import { MAX_PARTS } from "../files/part-names.ts";
import { text, u16 } from "./entries.ts";
import { alignUp, DEFAULT_ALIGNMENT, type TensorInfo } from "./header.ts";
import { type SerializedHeader, type SerializedPart, serializeHeader, type TensorPlan } from "./serialize.ts";
import { STARLING_KEYS } from "./starling-keys.ts";
import { tensorBytes } from "./types.ts";
import type { GgufValue } from "./value.ts";

/** Until the writer knows it. */
const NO_SET = "0".repeat(64);
/** What a tensor takes in a header beside its name: lengths, dimensions, type, offset. */
const ENTRY_BYTES = 24;
const DIMENSION_BYTES = 8;
/** The keys of a part. */
const PART_BYTES = 512;

/**
 * @param partSize most bytes of a file, unless one tensor needs more; undefined: one file
 * @param alignment the value of general.alignment, if the metadata has one
 */
export function serializeParts(
  metadata: ReadonlyMap<string, GgufValue>,
  plans: readonly TensorPlan[],
  partSize: number | undefined,
  alignment: number = DEFAULT_ALIGNMENT,
): SerializedHeader {
  if (partSize === undefined) return serializeHeader(metadata, plans, alignment);
  const groups = divide(metadata, plans, partSize, alignment);
  if (groups.length === 1) return serializeHeader(metadata, plans, alignment);
  let start = 0;
  const parts: SerializedPart[] = [];
  const tensors: TensorInfo[] = [];
  for (const [number, group] of groups.entries()) {
    const own = number === 0 ? metadata : new Map([...metadata].filter(([key]) => key === "general.alignment"));
    const header = serializeHeader(
      new Map([...own, ...partEntries(number, groups.length, plans.length)]),
      group,
      alignment,
    );
    const [part] = header.parts as [SerializedPart];
    parts.push({ ...part, start });
    for (const tensor of header.tensors) tensors.push({ ...tensor, position: tensor.position + start });
    start += header.fileSize;
  }
  return { tensors, fileSize: start, parts };
}

function partEntries(number: number, count: number, tensors: number): [string, GgufValue][] {
  return [
    ["split.no", u16(number)],
    ["split.count", u16(count)],
    ["split.tensors.count", { type: "i32", value: tensors }],
    [STARLING_KEYS.splitSet, text(NO_SET)],
  ];
}

function divide(
  metadata: ReadonlyMap<string, GgufValue>,
  plans: readonly TensorPlan[],
  partSize: number,
  alignment: number,
): TensorPlan[][] {
  const groups: TensorPlan[][] = [[]];
  let size = serializeHeader(metadata, [], alignment).fileSize + PART_BYTES;
  for (const plan of plans) {
    const needed =
      alignUp(Number(tensorBytes(plan.type, plan.dims.map(BigInt))), alignment) +
      ENTRY_BYTES +
      Buffer.byteLength(plan.name) +
      DIMENSION_BYTES * plan.dims.length;
    // The last of the allowed parts takes the rest.
    if (
      size + needed + alignment > partSize &&
      (groups.at(-1) as TensorPlan[]).length > 0 &&
      groups.length < MAX_PARTS
    ) {
      groups.push([]);
      size = PART_BYTES;
    }
    groups.at(-1)?.push(plan);
    size += needed;
  }
  return groups;
}

/** The values that a pickle of torch.save may hold, and the only names that it may import. */
import { quote } from "../files/byte-source.ts";

/** A tensor as the pickle describes it: a view of a storage, which is another file of the archive. */
export interface PickledTensor {
  readonly kind: "tensor";
  /** As safetensors calls it, for example "BF16". */
  readonly dtype: string;
  /** Name of the storage's file in the archive. */
  readonly storage: string;
  /** Values of the whole storage. */
  readonly storageLength: number;
  /** Values before the first one. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Values from one index to the next, for each dimension. */
  readonly strides: readonly number[];
}

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickledTensor
  | StorageValue
  | GlobalValue
  | PickleValue[]
  | PickleDict;

export type PickleDict = Map<PickleValue, PickleValue>;

export interface GlobalValue {
  readonly kind: "global";
  readonly name: string;
}

export interface StorageValue {
  readonly kind: "storage";
  readonly dtype: string;
  readonly key: string;
  readonly length: number;
}

/** Its message says what is wrong, without the file's name. */
export class PickleError extends Error {}

export const dtypes: ReadonlyMap<string, string> = new Map([
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.DoubleStorage", "F64"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ShortStorage", "I16"],
  ["torch.CharStorage", "I8"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
]);
export const ORDERED_DICT = "collections.OrderedDict";
export const REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2";
export const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
/** Everything that a pickle may name; any other import is refused. */
export const allowedGlobals: ReadonlySet<string> = new Set([
  ORDERED_DICT,
  REBUILD_TENSOR,
  REBUILD_PARAMETER,
  ...dtypes.keys(),
]);

/** PyTorch's weights have at most 5. */
const MAX_DIMENSIONS = 8;

/** (storage, offset, size, stride, …); what follows is about gradients. */
export function rebuildTensor([storage, offset, shape, strides]: readonly PickleValue[]): PickledTensor {
  const fits =
    isStorage(storage) && isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length;
  if (!fits)
    throw new PickleError("describes a tensor by something other than a storage, an offset, a shape and strides");
  return {
    kind: "tensor",
    dtype: storage.dtype,
    storage: storage.key,
    storageLength: storage.length,
    offset,
    // Copies: a list that the pickle keeps can be changed by what comes later, after the checks here.
    shape: [...shape],
    strides: [...strides],
  };
}

/** For an error message; never goes into lists and dictionaries, which can hold each other. */
export function describePickled(value: PickleValue): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "a dictionary";
  return isObject(value) ? `a ${value.kind}` : String(value);
}

export function isGlobal(value: PickleValue | undefined): value is GlobalValue {
  return isObject(value) && value.kind === "global";
}

function isStorage(value: PickleValue | undefined): value is StorageValue {
  return isObject(value) && value.kind === "storage";
}

export function isTensor(value: PickleValue | undefined): value is PickledTensor {
  return isObject(value) && value.kind === "tensor";
}

function isObject(value: PickleValue | undefined): value is GlobalValue | StorageValue | PickledTensor {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

export function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isCount);
}

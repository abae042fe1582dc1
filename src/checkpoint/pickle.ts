/**
 * A reader for the one kind of pickle that torch.save writes: dictionaries of tensors. It is a small stack machine with
 * a list of what may appear; nothing is imported or called, and anything else is an error that names it.
 */

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

interface GlobalValue {
  readonly kind: "global";
  readonly name: string;
}

interface StorageValue {
  readonly kind: "storage";
  readonly dtype: string;
  readonly key: string;
  readonly length: number;
}

/** Says what was wrong, without the file's name. */
export class PickleError extends Error {}

const dtypes: ReadonlyMap<string, string> = new Map([
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
const ORDERED_DICT = "collections.OrderedDict";
const REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2";
const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
const globals: ReadonlySet<string> = new Set([ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, ...dtypes.keys()]);

/** PyTorch's weights have at most 5. */
const MAX_DIMENSIONS = 8;
const MAX_PROTOCOL = 5;
/**
 * Most operations: a tensor takes about 50, so that these are 40,000 tensors. An operation of one byte can make a
 * dictionary of 200, which a limit on the pickle's bytes alone would let fill gigabytes.
 */
const MAX_OPERATIONS = 2_000_000;

/**
 * @returns what the pickle holds
 * @throws PickleError naming the operation, type or function that is not allowed, or the place where it ends too early
 */
export function unpickle(bytes: Uint8Array): PickleValue {
  return new Machine(bytes).run();
}

const mark = Symbol("mark");
type Entry = PickleValue | typeof mark;

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Entry[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (let count = 0; ; count++) {
      if (count === MAX_OPERATIONS)
        throw new PickleError(`has more than ${MAX_OPERATIONS} operations, the most that are read`);
      const at = this.#at;
      const code = this.u8();
      if (code === 0x2e) return this.#end();
      const operation = operations[code];
      if (operation === undefined) {
        const name = `0x${code.toString(16).padStart(2, "0")}`;
        throw new PickleError(`holds the pickle operation ${name} at byte ${at}, which no dictionary of tensors needs`);
      }
      operation.call(this);
    }
  }

  #end(): PickleValue {
    const value = this.pop();
    if (this.#stack.length > 0) throw new PickleError("ends with more than one value");
    return value;
  }

  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start)
      throw new PickleError(`ends in the middle of an operation at byte ${start}`);
    this.#at += length;
    return start;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** As torch.save writes no number of its own this large, only a length: any length beyond the end is as wrong. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    return value > BigInt(this.#bytes.length) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  text(length: number): string {
    const start = this.#take(length);
    return utf8.decode(this.#bytes.subarray(start, start + length));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw new PickleError(`ends in the middle of a name at byte ${this.#at}`);
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  /** A little-endian two's complement number of up to 8 bytes. */
  long(length: number): number | bigint {
    if (length > 8) throw new PickleError(`holds a number of ${length} bytes`);
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i] as number);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  push(value: Entry): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark)
      throw new PickleError(`uses a value that is not there before byte ${this.#at}`);
    return value;
  }

  popN(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at === -1) throw new PickleError(`closes a list that was not opened before byte ${this.#at}`);
    const values = this.#stack.splice(at).slice(1);
    return values as PickleValue[];
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError(`recalls the value ${index}, which was not kept`);
    this.push(value);
  }

  global(module: string, name: string): void {
    const full = `${module}.${name}`;
    if (!globals.has(full)) {
      throw new PickleError(
        `refers to ${JSON.stringify(full.slice(0, 100))}, which a dictionary of tensors does not need; it was not run`,
      );
    }
    this.push({ kind: "global", name: full });
  }

  setItems(pairs: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || pairs.length % 2 !== 0) throw new PickleError("sets items of what is no dictionary");
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i] as PickleValue;
      // Python keeps the last one; torch.save writes none twice, so that someone means to be read in two ways.
      if (dict.has(key)) throw new PickleError(`sets ${describePickled(key)} twice in one dictionary`);
      dict.set(key, pairs[i + 1] as PickleValue);
    }
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleError("appends to what is no list");
    for (const value of values) list.push(value);
  }

  /** The state of an ordered dictionary: attributes such as _metadata, which say nothing of tensors. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) throw new PickleError("gives a state to what is no dictionary");
  }

  /** ("storage", type, key, device, length) */
  persistent(): void {
    const id = this.pop();
    const [kind, type, key, , length] = Array.isArray(id) ? id : [];
    const dtype = isGlobal(type) ? dtypes.get(type.name) : undefined;
    if (kind !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(length))
      throw new PickleError("refers to something outside of it that is no storage of numbers");
    this.push({ kind: "storage", dtype, key, length });
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!isGlobal(callee) || !Array.isArray(args)) throw new PickleError("calls what is no function");
    if (callee.name === ORDERED_DICT) {
      if (args.length > 0 && !(args.length === 1 && Array.isArray(args[0]) && args[0].length === 0))
        throw new PickleError("makes an ordered dictionary of unexpected arguments");
      this.push(new Map());
    } else if (callee.name === REBUILD_TENSOR) {
      this.push(rebuildTensor(args));
    } else if (callee.name === REBUILD_PARAMETER && isTensor(args[0])) {
      this.push(args[0]);
    } else {
      throw new PickleError(`calls ${callee.name} with unexpected arguments`);
    }
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: false });

/** (storage, offset, size, stride, …); what follows is about gradients. */
function rebuildTensor([storage, offset, shape, strides]: readonly PickleValue[]): PickledTensor {
  const fits =
    isStorage(storage) && isCount(offset) && isCounts(shape) && isCounts(strides) && shape.length === strides.length;
  if (!fits)
    throw new PickleError("describes a tensor by something else than a storage, an offset, a shape and strides");
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

function isGlobal(value: PickleValue | undefined): value is GlobalValue {
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

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isCount);
}

type Operation = (this: Machine) => void;

/** By code; the names are those of Python's pickletools. */
const operations: Readonly<Record<number, Operation>> = {
  /** PROTO */
  128() {
    const protocol = this.u8();
    if (protocol > MAX_PROTOCOL)
      throw new PickleError(`is of pickle protocol ${protocol}; ${MAX_PROTOCOL} is the highest known`);
  },
  /** FRAME */
  149() {
    this.u64();
  },
  /** MARK */
  40() {
    this.push(mark);
  },
  /** NONE, NEWTRUE, NEWFALSE */
  78() {
    this.push(null);
  },
  136() {
    this.push(true);
  },
  137() {
    this.push(false);
  },
  /** BININT, BININT1, BININT2, LONG1, BINFLOAT */
  74() {
    this.push(this.i32());
  },
  75() {
    this.push(this.u8());
  },
  77() {
    this.push(this.u16());
  },
  138() {
    this.push(this.long(this.u8()));
  },
  71() {
    this.push(this.f64());
  },
  /** BINUNICODE, SHORT_BINUNICODE, BINUNICODE8 */
  88() {
    this.push(this.text(this.u32()));
  },
  140() {
    this.push(this.text(this.u8()));
  },
  141() {
    this.push(this.text(this.u64()));
  },
  /** EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE */
  125() {
    this.push(new Map());
  },
  93() {
    this.push([]);
  },
  41() {
    this.push([]);
  },
  /** TUPLE, TUPLE1, TUPLE2, TUPLE3 */
  116() {
    this.push(this.popToMark());
  },
  133() {
    this.push(this.popN(1));
  },
  134() {
    this.push(this.popN(2));
  },
  135() {
    this.push(this.popN(3));
  },
  /** SETITEM, SETITEMS, APPEND, APPENDS */
  115() {
    this.setItems(this.popN(2));
  },
  117() {
    this.setItems(this.popToMark());
  },
  97() {
    this.append(this.popN(1));
  },
  101() {
    this.append(this.popToMark());
  },
  /** BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET */
  113() {
    this.remember(this.u8());
  },
  114() {
    this.remember(this.u32());
  },
  148() {
    this.remember();
  },
  104() {
    this.recall(this.u8());
  },
  106() {
    this.recall(this.u32());
  },
  /** GLOBAL, STACK_GLOBAL */
  99() {
    const module = this.line();
    this.global(module, this.line());
  },
  147() {
    const [module, name] = this.popN(2);
    if (typeof module !== "string" || typeof name !== "string")
      throw new PickleError("names a function by what is no text");
    this.global(module, name);
  },
  /** BINPERSID, REDUCE, BUILD */
  81() {
    this.persistent();
  },
  82() {
    this.reduce();
  },
  98() {
    this.build();
  },
};

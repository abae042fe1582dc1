/** The state of the pickle reader: its position, stack and memo. It builds values and never calls or imports anything. */
import {
  allowedGlobals,
  describePickled,
  dtypes,
  isCount,
  isGlobal,
  isTensor,
  ORDERED_DICT,
  PickleError,
  type PickleValue,
  REBUILD_PARAMETER,
  REBUILD_TENSOR,
  rebuildTensor,
} from "./pickle-values.ts";

const mark = Symbol("mark");
type Entry = PickleValue | typeof mark;

export class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Entry[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#at;
  }

  /** The one value that is left at the end. */
  result(): PickleValue {
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
    if (length > 8) throw new PickleError(`contains a number of ${length} bytes`);
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i] as number);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pushMark(): void {
    this.#stack.push(mark);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark)
      throw new PickleError(`pops from an empty stack before byte ${this.#at}`);
    return value;
  }

  popN(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at === -1) throw new PickleError(`closes a list that was never opened before byte ${this.#at}`);
    const values = this.#stack.splice(at).slice(1);
    return values as PickleValue[];
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  memoPut(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  memoGet(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError(`gets memo entry ${index}, which does not exist`);
    this.push(value);
  }

  global(module: string, name: string): void {
    const full = `${module}.${name}`;
    if (!allowedGlobals.has(full)) {
      throw new PickleError(
        `refers to ${JSON.stringify(full.slice(0, 100))}, which a dictionary of tensors does not need; it was not run`,
      );
    }
    this.push({ kind: "global", name: full });
  }

  setItems(pairs: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      throw new PickleError("sets items on something that is not a dictionary");
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i] as PickleValue;
      // Python keeps the last one. torch.save never writes a key twice: such a file is meant to mislead one reader.
      if (dict.has(key)) throw new PickleError(`sets ${describePickled(key)} twice in one dictionary`);
      dict.set(key, pairs[i + 1] as PickleValue);
    }
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleError("appends to something that is not a list");
    for (const value of values) list.push(value);
  }

  /** The state of an OrderedDict: attributes such as _metadata, which do not describe tensors. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) throw new PickleError("sets the state of something that is not a dictionary");
  }

  /** ("storage", type, key, device, length) */
  persistent(): void {
    const id = this.pop();
    const [kind, type, key, , length] = Array.isArray(id) ? id : [];
    const dtype = isGlobal(type) ? dtypes.get(type.name) : undefined;
    if (kind !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(length))
      throw new PickleError("has a persistent id that is not a storage of numbers");
    this.push({ kind: "storage", dtype, key, length });
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!isGlobal(callee) || !Array.isArray(args)) throw new PickleError("calls something that is not a function");
    if (callee.name === ORDERED_DICT) {
      if (args.length > 0 && !(args.length === 1 && Array.isArray(args[0]) && args[0].length === 0))
        throw new PickleError("builds an OrderedDict from unexpected arguments");
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

import { isUtf8 } from "node:buffer";
import { FileError } from "../errors.ts";
import type { ByteSource } from "../files/byte-source.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import { type ArrayTypes, ELEMENT_BYTES, type ElementType } from "./value.ts";

/** Signals that the bytes read so far end inside the header, though the file continues. */
export class NeedMoreBytes extends Error {}

/**
 * Longest single string: a chat template may take a few KiB; a notice or a licence text more. llama.cpp allows 1 GiB.
 */
const MAX_STRING_BYTES = 16 * 1024 * 1024;
/** Every string of a file takes at least its length field. */
const STRING_LENGTH_BYTES = 8;

/** Walks over the first bytes of a GGUF; a length that the file cannot hold is refused before anything is allocated. */
export class HeaderCursor {
  readonly path: string;
  readonly fileSize: number;
  #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer, file: Pick<ByteSource, "path" | "size">) {
    this.#bytes = bytes;
    this.path = file.path;
    this.fileSize = file.size;
  }

  get position(): number {
    return this.#position;
  }

  refuse(sentence: string, where: { field?: string; tensor?: string } = {}): FileError {
    return new FileError("ERR_INVALID_GGUF", `The file ${this.path} ${sentence}`, { file: this.path, ...where });
  }

  /** Moves on by `count` bytes and returns where they start. */
  take(count: number, what: string): number {
    const start = this.#position;
    this.#position = this.#endOf(count, what);
    return start;
  }

  /** Where the next `count` bytes end, all of which are there. */
  #endOf(count: number, what: string): number {
    const end = this.#position + count;
    if (end > this.fileSize) throw this.#cutOff(end - this.fileSize, what);
    if (end > this.#bytes.length) throw new NeedMoreBytes();
    return end;
  }

  u32(what: string): number {
    return this.#bytes.readUInt32LE(this.take(4, what));
  }

  u64(what: string): bigint {
    return this.#bytes.readBigUInt64LE(this.take(8, what));
  }

  /** A number of things of which each takes at least `bytesEach` bytes in the rest of the file. */
  count(what: string, bytesEach: number): number {
    const count = this.u64(what);
    const rest = this.fileSize - this.#position;
    if (count * BigInt(bytesEach) > BigInt(rest))
      throw this.refuse(`is truncated or damaged: it declares ${count} ${what}, but only ${rest} bytes follow.`);
    return Number(count);
  }

  /** A string that must be UTF-8 without NUL: llama.cpp would read one with NUL as something shorter. */
  text(what: string): string {
    const bytes = this.stringBytes(what);
    if (!isUtf8(bytes)) throw this.refuse(`contains ${what} that is not UTF-8.`);
    if (bytes.includes(0)) throw this.refuse(`contains ${what} with a NUL character.`);
    return bytes.toString("utf8");
  }

  stringBytes(what: string): Buffer {
    const length = this.count(`bytes of ${what}`, 1);
    if (length > MAX_STRING_BYTES)
      throw this.refuse(`contains ${what} of ${length} bytes; the limit is ${MAX_STRING_BYTES}.`);
    const start = this.take(length, what);
    return this.#bytes.subarray(start, start + length);
  }

  /** Without a message, a BigInt or a Buffer for each of the strings: a vocabulary has 64000 and more. */
  strings(count: number, what: string): StringTable {
    const start = this.#position;
    // Checked before allocating: in a file of weights, billions of string lengths would fit.
    this.#endOf(count * STRING_LENGTH_BYTES, what);
    const offsets = new Uint32Array(count + 1);
    for (let i = 0; i < count; i++) {
      const at = this.take(STRING_LENGTH_BYTES, what);
      const length = this.#bytes.readUInt32LE(at);
      if (length > MAX_STRING_BYTES || this.#bytes.readUInt32LE(at + 4) !== 0)
        throw this.refuse(`contains a string of more than ${MAX_STRING_BYTES} bytes in ${what}.`);
      this.take(length, what);
      offsets[i + 1] = (offsets[i] as number) + length;
    }
    const bytes = new Uint8Array(offsets[count] as number);
    let from = start;
    for (let i = 0; i < count; i++) {
      const at = offsets[i] as number;
      const length = (offsets[i + 1] as number) - at;
      from += STRING_LENGTH_BYTES;
      bytes.set(this.#bytes.subarray(from, from + length), at);
      from += length;
    }
    return new StringTable(bytes, offsets);
  }

  /** The elements of an array, copied to a new typed array. */
  numbers<T extends Exclude<ElementType, "string">>(of: T, count: number, what: string): ArrayTypes[T] {
    const bytes = count * ELEMENT_BYTES[of];
    const start = this.take(bytes, what);
    const copy = new ArrayBuffer(bytes);
    new Uint8Array(copy).set(this.#bytes.subarray(start, start + bytes));
    return new arrayConstructors[of](copy) as ArrayTypes[T];
  }

  #cutOff(missing: number, what: string): FileError {
    return this.refuse(
      `is truncated inside ${what}: at least ${missing} bytes are missing after its ${this.fileSize} bytes.`,
    );
  }
}

// Typed arrays have the machine's byte order. Every machine that llama.cpp's packages exist for is
// little-endian, as the file is.
const arrayConstructors = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  bool: Uint8Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  f64: Float64Array,
} as const;

import { FileError } from "../errors.ts";
import type { GgufHeader } from "./header.ts";
import { type ArrayTypes, type ElementType, type GgufValue, valueTypeName } from "./value.ts";

/** Reads typed metadata of one file and names file and key in every error. */
export class Fields {
  readonly file: string;
  readonly #metadata: GgufHeader["metadata"];

  constructor(gguf: GgufHeader, file: string) {
    this.#metadata = gguf.metadata;
    this.file = file;
  }

  has(key: string): boolean {
    return this.#metadata.has(key);
  }

  keys(): Iterable<string> {
    return this.#metadata.keys();
  }

  refuse(sentence: string, key?: string): FileError {
    const where = key === undefined ? {} : { field: key };
    return new FileError("ERR_INVALID_GGUF", `The file ${this.file} ${sentence}`, { file: this.file, ...where });
  }

  refuseTensor(tensor: string, sentence: string): FileError {
    return new FileError("ERR_INVALID_GGUF", `The file ${this.file} ${sentence}`, { file: this.file, tensor });
  }

  /** @param type as {@link valueTypeName} has it */
  assertType(key: string, type: string): void {
    const value = this.#value(key);
    if (valueTypeName(value) !== type)
      throw this.refuse(`has ${key} as ${valueTypeName(value)}; expected ${type}.`, key);
  }

  /** A number that some llama.cpp tools write with 16 and some with 32 bits. */
  u32OrU16(key: string): number {
    const value = this.#value(key);
    if (value.type === "u16" || value.type === "u32") return value.value;
    throw this.refuse(`has ${key} as ${valueTypeName(value)}; expected u16 or u32.`, key);
  }

  /** An i32 in [min, max]. */
  i32(key: string, min: number, max: number): number {
    const value = this.#get(key, "i32") as number;
    if (value < min || value > max)
      throw this.refuse(`has ${key} = ${value}; a number from ${min} to ${max} is expected.`, key);
    return value;
  }

  /** A u32 in [min, max]. */
  u32(key: string, min: number, max: number): number {
    const value = this.#get(key, "u32") as number;
    if (value < min || value > max)
      throw this.refuse(
        `has ${key} = ${value}; ${min === max ? min : `a number from ${min} to ${max}`} is expected.`,
        key,
      );
    return value;
  }

  /** An f32 above 0, up to `max`. */
  positiveF32(key: string, max: number): number {
    const value = this.#get(key, "f32") as number;
    if (!(value > 0 && value <= max))
      throw this.refuse(`has ${key} = ${value}; expected a number above 0, up to ${max}.`, key);
    return value;
  }

  finiteF32(key: string): number {
    const value = this.#get(key, "f32") as number;
    if (!Number.isFinite(value)) throw this.refuse(`has ${key} = ${value}; expected a finite number.`, key);
    return value;
  }

  finiteF64(key: string): number {
    const value = this.#get(key, "f64") as number;
    if (!Number.isFinite(value)) throw this.refuse(`has ${key} = ${value}; expected a finite number.`, key);
    return value;
  }

  /** A finite f64 of 0 or more. */
  nonNegativeF64(key: string): number {
    const value = this.#get(key, "f64") as number;
    if (!(value >= 0) || !Number.isFinite(value))
      throw this.refuse(`has ${key} = ${value}; expected a finite number of 0 or more.`, key);
    return value;
  }

  bool(key: string): boolean {
    return this.#get(key, "bool") as boolean;
  }

  string(key: string): string {
    return this.#get(key, "string") as string;
  }

  /** undefined where the file does not have the key. */
  optionalString(key: string): string | undefined {
    return this.has(key) ? this.string(key) : undefined;
  }

  /** A SHA-256 in hexadecimal. */
  sha256(key: string): string {
    const value = this.string(key);
    if (!/^[0-9a-f]{64}$/.test(value))
      throw this.refuse(`does not have 64 hexadecimal digits in ${key}, where a SHA-256 belongs.`, key);
    return value;
  }

  /** undefined where the file does not have the key. */
  optionalSha256(key: string): string | undefined {
    return this.has(key) ? this.sha256(key) : undefined;
  }

  /** A string that must be one of a few names. */
  name<T extends string>(key: string, names: readonly T[]): T {
    const value = this.string(key);
    const found = names.find((name) => name === value);
    if (found === undefined)
      throw this.refuse(
        `has ${key} = ${JSON.stringify(value.slice(0, 60))}; this version knows ${names.join(", ")}.`,
        key,
      );
    return found;
  }

  /** undefined where the file does not have the key. */
  optionalName<T extends string>(key: string, names: readonly T[]): T | undefined {
    return this.has(key) ? this.name(key, names) : undefined;
  }

  array<T extends ElementType>(key: string, of: T, length?: number): ArrayTypes[T] {
    const value = this.#value(key);
    if (value.type !== "array" || value.of !== of)
      throw this.refuse(`has ${key} as ${valueTypeName(value)}; expected an array of ${of}.`, key);
    if (length !== undefined && value.value.length !== length)
      throw this.refuse(`has ${value.value.length} entries in ${key}; expected ${length}.`, key);
    return value.value as ArrayTypes[T];
  }

  #get(key: string, type: Exclude<GgufValue["type"], "array">): number | bigint | boolean | string {
    const value = this.#value(key);
    if (value.type !== type) throw this.refuse(`has ${key} as ${valueTypeName(value)}; expected ${type}.`, key);
    return value.value as number | bigint | boolean | string;
  }

  #value(key: string): GgufValue {
    const value = this.#metadata.get(key);
    if (value === undefined) throw this.refuse(`has no metadata key ${key}.`, key);
    return value;
  }
}

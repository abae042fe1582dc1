import { createHash } from "node:crypto";
import type { TensorInfo } from "./header.ts";
import type { SerializedHeader, SerializedPart } from "./serialize.ts";
import { STARLING_KEYS } from "./starling-keys.ts";

/** In place of the magic "GGUF" until the file is complete: no reader takes it for one. */
const NO_MAGIC = Buffer.alloc(4);

/** A file that grows under a temporary name, or several one after another. */
export interface GrowingFile {
  resize(bytes: number): Promise<void>;
  write(bytes: Uint8Array, position: number): Promise<void>;
  flush(): Promise<void>;
}

/**
 * Writes a GGUF whose every byte has its place from the beginning: tensors come in any order, each in as many pieces as
 * the caller likes. The file is valid only after {@link finish}.
 */
export class GgufWriter {
  readonly #file: GrowingFile;
  readonly #header: SerializedHeader;
  readonly #byName: ReadonlyMap<string, TensorInfo>;
  readonly #written = new Map<string, number>();

  private constructor(file: GrowingFile, header: SerializedHeader) {
    this.#file = file;
    this.#header = header;
    this.#byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  }

  /**
   * Gives the file its size and writes its header and the padding between tensors; what the file holds where tensors go
   * stays.
   *
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  static async create(file: GrowingFile, header: SerializedHeader): Promise<GgufWriter> {
    await file.resize(header.fileSize);
    for (const { start, bytes } of header.parts) {
      await file.write(NO_MAGIC, start);
      await file.write(bytes.subarray(NO_MAGIC.length), start + NO_MAGIC.length);
    }
    const ends = header.parts.map(({ start, fileSize }) => start + fileSize);
    for (const [i, { position, size }] of header.tensors.entries()) {
      const end = position + size;
      const endOfPart = ends.find((each) => each >= end) ?? header.fileSize;
      const padding = Math.min(header.tensors[i + 1]?.position ?? endOfPart, endOfPart) - end;
      if (padding > 0) await file.write(new Uint8Array(padding), end);
    }
    return new GgufWriter(file, header);
  }

  /** Where a tensor goes. */
  tensor(name: string): TensorInfo {
    const tensor = this.#byName.get(name);
    if (tensor === undefined) throw new RangeError(`The file has no tensor ${name}.`);
    return tensor;
  }

  /** Writes a piece of a tensor, `offset` bytes from its beginning. Pieces of a tensor do not overlap. */
  async write(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    const tensor = this.tensor(name);
    if (offset + bytes.length > tensor.size) throw new RangeError(`The tensor ${name} is longer than planned.`);
    await this.#file.write(bytes, tensor.position + offset);
    this.#written.set(name, (this.#written.get(name) ?? 0) + bytes.length);
  }

  /** Keeps the bytes of a tensor that an earlier run wrote. */
  keep(name: string): void {
    this.#written.set(name, this.tensor(name).size);
  }

  /** Replaces a string value by another of the same length in bytes. */
  async replaceString(key: string, text: string): Promise<void> {
    const [first] = this.#header.parts;
    await this.#replaceIn(first as SerializedPart, key, text);
  }

  async #replaceIn(
    { start, bytes: header, stringPositions }: SerializedPart,
    key: string,
    text: string,
  ): Promise<void> {
    const position = stringPositions.get(key);
    if (position === undefined) throw new RangeError(`The header has no string ${key}.`);
    const bytes = Buffer.from(text, "utf8");
    if (header.readBigUInt64LE(position - 8) !== BigInt(bytes.length))
      throw new RangeError(`The string ${key} has another length.`);
    await this.#file.write(bytes, start + position);
  }

  /**
   * Writes the magic once everything else is on disk. The file still has its temporary name.
   *
   * @param content for a file in parts: a digest of what the tensors hold, by which the parts know each other
   */
  async finish(content = ""): Promise<void> {
    const { parts, tensors } = this.#header;
    const missing = tensors.find(({ name, size }) => (this.#written.get(name) ?? 0) !== size);
    if (missing !== undefined) throw new RangeError(`The tensor ${missing.name} was not written in full.`);
    if (parts.length > 1) {
      const hash = createHash("sha256").update(content);
      for (const { bytes } of parts) hash.update(bytes);
      const set = hash.digest("hex");
      for (const part of parts) await this.#replaceIn(part, STARLING_KEYS.splitSet, set);
    }
    await this.#file.flush();
    for (const { start, bytes } of parts) await this.#file.write(bytes.subarray(0, NO_MAGIC.length), start);
    await this.#file.flush();
  }
}

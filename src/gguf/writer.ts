import type { TemporaryFile } from "../files/temporary-file.ts";
import type { TensorInfo } from "./header.ts";
import type { SerializedHeader } from "./serialize.ts";

/** In place of the magic "GGUF" until the file is complete: no reader takes it for one. */
const NO_MAGIC = Buffer.alloc(4);

/**
 * Writes a GGUF whose every byte has its place from the beginning: tensors come in any order, each in as many pieces as
 * the caller likes. The file is valid only after {@link finish}.
 */
export class GgufWriter {
  readonly #file: TemporaryFile;
  readonly #header: SerializedHeader;
  readonly #byName: ReadonlyMap<string, TensorInfo>;
  readonly #written = new Map<string, number>();

  private constructor(file: TemporaryFile, header: SerializedHeader) {
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
  static async create(file: TemporaryFile, header: SerializedHeader): Promise<GgufWriter> {
    await file.resize(header.fileSize);
    await file.write(NO_MAGIC, 0);
    await file.write(header.bytes.subarray(NO_MAGIC.length), NO_MAGIC.length);
    for (const [i, { position, size }] of header.tensors.entries()) {
      const end = position + size;
      const padding = (header.tensors[i + 1]?.position ?? header.fileSize) - end;
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
    const position = this.#header.stringPositions.get(key);
    if (position === undefined) throw new RangeError(`The header has no string ${key}.`);
    const bytes = Buffer.from(text, "utf8");
    if (this.#header.bytes.readBigUInt64LE(position - 8) !== BigInt(bytes.length))
      throw new RangeError(`The string ${key} has another length.`);
    await this.#file.write(bytes, position);
  }

  /** Writes the magic once everything else is on disk. The file still has its temporary name. */
  async finish(): Promise<void> {
    const missing = this.#header.tensors.find(({ name, size }) => (this.#written.get(name) ?? 0) !== size);
    if (missing !== undefined) throw new RangeError(`The tensor ${missing.name} was not written in full.`);
    await this.#file.flush();
    await this.#file.write(this.#header.bytes.subarray(0, NO_MAGIC.length), 0);
    await this.#file.flush();
  }
}

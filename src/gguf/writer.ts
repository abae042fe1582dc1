import type { TemporaryFile } from "../files/temporary-file.ts";
import type { TensorInfo } from "./header.ts";
import { type SerializedHeader, serializeHeader, type TensorPlan } from "./serialize.ts";
import type { GgufValue } from "./value.ts";

/**
 * Writes a GGUF front to back: the header at once, then the tensors in the order of the plans, each in as many pieces
 * as the caller likes. The file is valid only after {@link finish}.
 */
export class GgufWriter {
  readonly #file: TemporaryFile;
  readonly #header: SerializedHeader;
  #next = 0;
  /** Where the next bytes go, or -1 before the first tensor. */
  #position = 0;

  private constructor(file: TemporaryFile, header: SerializedHeader) {
    this.#file = file;
    this.#header = header;
  }

  /** Writes the header. @throws FileError ERR_FILE_NOT_WRITABLE */
  static async create(
    file: TemporaryFile,
    metadata: ReadonlyMap<string, GgufValue>,
    plans: readonly TensorPlan[],
  ): Promise<GgufWriter> {
    const writer = new GgufWriter(file, serializeHeader(metadata, plans));
    await writer.#append(writer.#header.bytes);
    return writer;
  }

  /** Bytes that the whole file will have. */
  get fileSize(): number {
    return this.#header.fileSize;
  }

  get tensors(): readonly TensorInfo[] {
    return this.#header.tensors;
  }

  /** Adds bytes to the tensor with this name; tensors come in the order of the plans, whole before the next starts. */
  async writeTensorBytes(name: string, bytes: Uint8Array): Promise<void> {
    const tensor = this.#header.tensors[this.#next];
    if (tensor === undefined || tensor.name !== name)
      throw new RangeError(`The tensor ${name} is written where ${tensor?.name ?? "nothing"} is expected.`);
    if (this.#position < tensor.position) await this.#pad(tensor.position);
    const end = tensor.position + tensor.size;
    if (this.#position + bytes.length > end) throw new RangeError(`The tensor ${name} is longer than planned.`);
    await this.#append(bytes);
    if (this.#position === end) this.#next++;
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

  /** Pads the end as llama.cpp's own writer does. The file still has its temporary name afterwards. */
  async finish(): Promise<void> {
    const missing = this.#header.tensors[this.#next];
    if (missing !== undefined) throw new RangeError(`The tensor ${missing.name} was not written in full.`);
    await this.#pad(this.#header.fileSize);
  }

  async #pad(position: number): Promise<void> {
    if (position > this.#position) await this.#append(Buffer.alloc(position - this.#position));
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
  }
}

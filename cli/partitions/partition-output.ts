/** The output of one partition: a temporary file beside its place, until all of it is there. */
import { createHash, type Hash } from "node:crypto";
import { linesOf, type PositionReader } from "../kept-lines.ts";
import type { Manifest, PartitionClaim, TemporaryFile } from "../library.ts";
import type { Done, Output, Publish } from "../output-types.ts";

export class PartitionOutput implements Output {
  readonly isStdout = false;
  readonly isHeld: boolean;
  readonly #claim: PartitionClaim;
  readonly #file: TemporaryFile;
  /** Rows that wait until all are known. */
  readonly #rows: TemporaryFile | undefined;
  readonly #hash: Hash = createHash("sha256");
  #written = 0;
  #kept = 0;
  #done: Done | undefined;

  private constructor(claim: PartitionClaim, file: TemporaryFile, rows: TemporaryFile | undefined) {
    this.#claim = claim;
    this.#file = file;
    this.#rows = rows;
    this.isHeld = rows !== undefined;
  }

  static async open(claim: PartitionClaim, held: boolean): Promise<PartitionOutput> {
    const file = await claim.create();
    try {
      return new PartitionOutput(claim, file, held ? await claim.create() : undefined);
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** What was done; undefined before {@link complete}. */
  get done(): Done | undefined {
    return this.#done;
  }

  async write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    if (this.#rows === undefined) return this.#append(bytes);
    await this.#rows.write(bytes, this.#kept);
    this.#kept += bytes.length;
  }

  async complete(done: Done, publish: Publish | undefined): Promise<void> {
    const rows = this.#rows;
    if (rows !== undefined)
      for await (const bytes of (publish as Publish)(() => linesOf(readerOf(rows), this.#kept)))
        await this.#append(bytes);
    this.#done = done;
  }

  /** Puts it in its place, and the manifest after it. @throws FileError ERR_FILE_NOT_WRITABLE */
  async publish(manifest: (output: Manifest["output"]) => Manifest, name: string): Promise<void> {
    await this.#claim.publish(this.#file, this.#hash.digest("hex"), (record) => manifest({ name, ...record }));
  }

  /** Without {@link publish}, nothing stays. Never throws. */
  async close(): Promise<void> {
    await this.#file.discard();
    await this.#rows?.discard();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#written);
    this.#hash.update(bytes);
    this.#written += bytes.length;
  }
}

function readerOf(file: TemporaryFile): PositionReader {
  return {
    async read(buffer, offset, length, position) {
      await file.read(position, buffer.subarray(offset, offset + length));
      return { bytesRead: length };
    },
  };
}

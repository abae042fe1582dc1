import type { Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { writeAll } from "../files/write-all.ts";
import { cannotWrite } from "./cache-errors.ts";
import { startHash } from "./content-hash.ts";
import type { HubFile } from "./listing.ts";

/**
 * @param bytes that are there now, those of an earlier run with them; fewer when it starts again
 * @param received those of them that have just come over the network
 */
export type OnBytes = (bytes: number, received: number) => void;

const READ_BYTES = 1024 * 1024;

/** The downloaded part of a file, and its hash. */
export class PartialFile {
  readonly file: HubFile;
  position = 0;
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #onBytes: OnBytes;
  #hash: Hash;
  /** The furthest position reached; starting again does not lower it. */
  #furthest = 0;

  constructor(handle: FileHandle, path: string, file: HubFile, onBytes: OnBytes = () => {}) {
    this.file = file;
    this.#handle = handle;
    this.#path = path;
    this.#onBytes = onBytes;
    this.#hash = startHash(file.hash, file.size);
  }

  /** Hashes an earlier run's part. */
  async takeOver(signal?: AbortSignal): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size > this.file.size) return this.beginAnew();
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, size));
    while (this.position < size) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.position);
      if (bytesRead === 0) return this.beginAnew();
      this.#advance(buffer.subarray(0, bytesRead), 0);
    }
    this.#furthest = this.position;
  }

  /** Whether it got `bytes` further than ever before: a server that keeps restarting the download must not be retried forever. */
  isFurther(bytes: number): boolean {
    if (this.position < this.#furthest + bytes) return false;
    this.#furthest = this.position;
    return true;
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#handle, chunk, this.position);
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
    this.#advance(chunk, chunk.length);
  }

  async beginAnew(): Promise<void> {
    await this.#handle.truncate(0).catch((error) => Promise.reject(cannotWrite(this.#path, error)));
    this.position = 0;
    this.#hash = startHash(this.file.hash, this.file.size);
    this.#onBytes(0, 0);
  }

  isRight(): boolean {
    return this.position === this.file.size && this.#hash.copy().digest("hex") === this.file.hash.hex;
  }

  #advance(bytes: Uint8Array, received: number): void {
    this.#hash.update(bytes);
    this.position += bytes.length;
    this.#onBytes(this.position, received);
  }
}

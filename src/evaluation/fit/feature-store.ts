/**
 * Features on disk, so that an interrupted run resumes. A folder holds segments. Each segment is written by one run and only
 * grows, so concurrent runs are safe. It is a sequence of records of fixed length:
 *
 *     item hash (32 bytes) | features (float32[width]) | checksum (first 8 bytes of the SHA-256 of hash and features)
 *
 * Incomplete records, and records with a wrong checksum, are ignored.
 */
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../errors.ts";
import { openFile } from "../../files/byte-source.ts";
import { makeFolder } from "../../files/make-folder.ts";
import { listIfReadable } from "../../files/optional-files.ts";
import { writeAll } from "../../files/write-all.ts";
import { FeatureTable } from "./feature-table.ts";
import { TimeSlice } from "./time-slice.ts";

const HASH_BYTES = 32;
const CHECK_BYTES = 8;
const SUFFIX = ".features";
/** Chunk size for reading and checking segments. */
const READ_BYTES = 4 * 1024 * 1024;

interface Place {
  readonly path: string;
  readonly position: number;
}

export class FeatureStore {
  readonly #folder: string;
  readonly #width: number;
  readonly #places = new Map<string, Place>();
  #segment: { readonly handle: FileHandle; readonly path: string; length: number } | undefined;

  private constructor(folder: string, width: number) {
    this.#folder = folder;
    this.#width = width;
  }

  /**
   * @param folder features of one model with one set of settings; created with the first record
   * @param width floats per feature row
   */
  static async open(folder: string, width: number, signal?: AbortSignal): Promise<FeatureStore> {
    const store = new FeatureStore(folder, width);
    const slice = new TimeSlice(signal);
    // Sorted by name, so of two records of an item the same one wins every time.
    for (const name of (listIfReadable(folder) ?? []).filter((file) => file.endsWith(SUFFIX)))
      await store.#readSegment(join(folder, name), slice);
    return store;
  }

  get #recordBytes(): number {
    return HASH_BYTES + this.#width * Float32Array.BYTES_PER_ELEMENT + CHECK_BYTES;
  }

  /** Number of items with features. */
  get size(): number {
    return this.#places.size;
  }

  has(hash: string): boolean {
    return this.#places.has(hash);
  }

  /**
   * Writes a record. Once this resolves, later runs find it even if this process is killed.
   *
   * @param hash 64 hexadecimal digits
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  async add(hash: string, features: Float32Array): Promise<void> {
    if (features.length !== this.#width)
      throw new RangeError(`Expected ${this.#width} features but received ${features.length}.`);
    const record = Buffer.alloc(this.#recordBytes);
    record.write(hash, "hex");
    record.set(new Uint8Array(features.buffer, features.byteOffset, features.byteLength), HASH_BYTES);
    record.set(checkOf(record), record.length - CHECK_BYTES);
    try {
      this.#segment ??= await this.#startSegment();
      const segment = this.#segment;
      await writeAll(segment.handle, record, segment.length);
      this.#places.set(hash, { path: segment.path, position: segment.length });
      segment.length += record.length;
    } catch (error) {
      throw new FileError(
        "ERR_FILE_NOT_WRITABLE",
        `Cannot write features to ${this.#folder}: ${(error as Error).message}. Free some space there, or set STARLING_RM_CACHE to another folder.`,
        { file: this.#folder, cause: error },
      );
    }
  }

  /** Reads the features of the given items, in this order. @throws RangeError for an item without features */
  async load(hashes: readonly string[], signal?: AbortSignal): Promise<FeatureTable> {
    const table = new FeatureTable(hashes.length, this.#width);
    const wanted = new Map<string, { position: number; row: number; hash: string }[]>();
    for (const [row, hash] of hashes.entries()) {
      const place = this.#places.get(hash);
      if (place === undefined) throw new RangeError(`No features stored for item ${hash}.`);
      const list = wanted.get(place.path) ?? [];
      list.push({ position: place.position, row, hash });
      wanted.set(place.path, list);
    }
    const record = Buffer.alloc(this.#recordBytes);
    for (const [path, list] of wanted) {
      const file = await openFile(path);
      try {
        for (const { position, row, hash } of list.sort((a, b) => a.position - b.position)) {
          signal?.throwIfAborted();
          await file.read(position, record);
          if (hashIn(record) !== hash || !isSound(record)) throw changed(path);
          const values = table.row(row);
          new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(
            record.subarray(HASH_BYTES, record.length - CHECK_BYTES),
          );
        }
      } finally {
        await file.close();
      }
    }
    return table;
  }

  /** Closes this run's segment. */
  async close(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    await segment?.handle.close();
  }

  async #startSegment() {
    makeFolder(this.#folder);
    const path = join(this.#folder, `${randomBytes(8).toString("hex")}${SUFFIX}`);
    return { handle: await open(path, "wx"), path, length: 0 };
  }

  async #readSegment(path: string, slice: TimeSlice): Promise<void> {
    const file = await openFile(path);
    try {
      const bytes = this.#recordBytes;
      const count = Math.floor(file.size / bytes);
      const atOnce = Math.max(1, Math.floor(READ_BYTES / bytes));
      const buffer = Buffer.alloc(atOnce * bytes);
      for (let first = 0; first < count; first += atOnce) {
        const records = buffer.subarray(0, Math.min(atOnce, count - first) * bytes);
        await file.read(first * bytes, records);
        for (let at = 0; at < records.length; at += bytes) {
          const record = records.subarray(at, at + bytes);
          const hash = hashIn(record);
          if (!this.#places.has(hash) && isSound(record))
            this.#places.set(hash, { path, position: first * bytes + at });
        }
        if (slice.isOver) await slice.yieldToEventLoop();
      }
    } finally {
      await file.close();
    }
  }
}

function hashIn(record: Buffer): string {
  return record.toString("hex", 0, HASH_BYTES);
}

function isSound(record: Buffer): boolean {
  return checkOf(record).equals(record.subarray(record.length - CHECK_BYTES));
}

function checkOf(record: Buffer): Buffer {
  const hash = createHash("sha256").update(record.subarray(0, record.length - CHECK_BYTES));
  return hash.digest().subarray(0, CHECK_BYTES);
}

function changed(path: string): FileError {
  return new FileError(
    "ERR_FILE_NOT_READABLE",
    `The file ${path} changed while it was being read. Run the command again.`,
    {
      file: path,
    },
  );
}

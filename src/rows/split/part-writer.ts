/** Parts as files of a folder, compressed where the input is. */
import { createGzip, type Gzip } from "node:zlib";
import type { FolderFile, OutputFolder } from "../../files/output-folder.ts";
import type { PartTarget } from "./cut-text.ts";

/** Compressions that are written. */
export type PartCompression = "gzip" | "zstd";

export const PART_ENDINGS: Readonly<Record<PartCompression, string>> = { gzip: ".gz", zstd: ".zst" };

/** More files in one folder are slow to list, and their numbers have more digits than names of parts. */
export const MAX_PARTS = 99_999;

/** Rows of a part, and its bytes as they are stored. */
export interface WrittenPart {
  readonly rows: number;
  readonly bytes: number;
}

/** Compresses what is pushed. */
interface Encoder {
  push(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
  end(): Promise<readonly Uint8Array[]>;
}

export class PartWriter implements PartTarget {
  readonly parts: WrittenPart[] = [];
  readonly #folder: OutputFolder;
  readonly #compression: PartCompression | undefined;
  readonly #tooMany: () => Error;
  #file: FolderFile | undefined;
  #encoder: Encoder | undefined;

  constructor(folder: OutputFolder, compression: PartCompression | undefined, tooMany: () => Error) {
    this.#folder = folder;
    this.#compression = compression;
    this.#tooMany = tooMany;
  }

  async begin(): Promise<void> {
    if (this.parts.length === MAX_PARTS) throw this.#tooMany();
    this.#file = await this.#folder.create();
    this.#encoder = this.#compression === undefined ? undefined : await encoder(this.#compression);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#store(this.#encoder === undefined ? [bytes] : await this.#encoder.push(bytes));
  }

  async end(rows: number): Promise<void> {
    if (this.#encoder !== undefined) await this.#store(await this.#encoder.end());
    const file = this.#file as FolderFile;
    await file.close();
    this.#file = undefined;
    this.parts.push({ rows, bytes: file.size });
  }

  /** Call in any case. */
  async close(): Promise<void> {
    await this.#file?.abandon();
  }

  async #store(all: readonly Uint8Array[]): Promise<void> {
    for (const bytes of all) await (this.#file as FolderFile).write(bytes);
  }
}

async function encoder(compression: PartCompression): Promise<Encoder> {
  if (compression === "gzip") return new GzipEncoder();
  const { Zstd } = await import("@hpcc-js/wasm-zstd");
  const zstd = await Zstd.load();
  zstd.reset();
  // A copy: the next call reuses the memory.
  return {
    push: async (bytes) => [Uint8Array.from(zstd.compressChunk(bytes))],
    end: async () => [Uint8Array.from(zstd.compressEnd())],
  };
}

class GzipEncoder implements Encoder {
  readonly #gzip: Gzip = createGzip();
  #ready: Uint8Array[] = [];

  constructor() {
    this.#gzip.on("data", (bytes: Uint8Array) => this.#ready.push(bytes));
  }

  async push(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    await new Promise<void>((resolve, reject) => {
      this.#gzip.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    return this.#taken();
  }

  async end(): Promise<readonly Uint8Array[]> {
    await new Promise<void>((resolve, reject) => {
      this.#gzip.once("end", resolve).once("error", reject);
      this.#gzip.end();
    });
    return this.#taken();
  }

  #taken(): readonly Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }
}

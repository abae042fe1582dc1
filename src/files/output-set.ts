/** An output of one file, or of several that appear together. */
import { lstat, unlink } from "node:fs/promises";
import { type ClaimOptions, OutputFile } from "./output-file.ts";
import { partialPath, TemporaryFile } from "./temporary-file.ts";

/** Files that grow under temporary names, with positions that go on from file to file. */
export class TemporarySet {
  readonly #files: readonly TemporaryFile[];
  /** Bytes of each. */
  readonly #sizes: readonly number[];

  constructor(files: readonly TemporaryFile[], sizes: readonly number[]) {
    this.#files = files;
    this.#sizes = sizes;
  }

  get files(): readonly TemporaryFile[] {
    return this.#files;
  }

  /** Their temporary names. */
  get paths(): readonly string[] {
    return this.#files.map(({ path }) => path);
  }

  async resize(): Promise<void> {
    for (const [i, file] of this.#files.entries()) await file.resize(this.#sizes[i] as number);
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return this.#each(position, bytes, (file, at, piece) => file.write(piece, at));
  }

  read(position: number, target: Uint8Array): Promise<void> {
    return this.#each(position, target, (file, at, piece) => file.read(at, piece));
  }

  async flush(): Promise<void> {
    for (const file of this.#files) await file.flush();
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }

  /** Never throws. */
  async discard(): Promise<void> {
    for (const file of this.#files) await file.discard();
  }

  async #each(
    position: number,
    bytes: Uint8Array,
    act: (file: TemporaryFile, at: number, piece: Uint8Array) => Promise<void>,
  ): Promise<void> {
    let [start, done] = [0, 0];
    for (const [i, file] of this.#files.entries()) {
      const size = this.#sizes[i] as number;
      const at = position + done - start;
      if (done < bytes.length && at < size) {
        const piece = bytes.subarray(done, done + size - at);
        await act(file, at, piece);
        done += piece.length;
      }
      start += size;
    }
    if (done < bytes.length) throw new RangeError(`There is no byte ${position + done} in ${start}.`);
  }
}

/** The files of an output, all locked against other writers. */
export class OutputSet {
  readonly #outputs: readonly OutputFile[];
  readonly #overwrite: boolean;
  readonly #ownsLocks: boolean;

  private constructor(outputs: readonly OutputFile[], overwrite: boolean, ownsLocks: boolean) {
    this.#outputs = outputs;
    this.#overwrite = overwrite;
    this.#ownsLocks = ownsLocks;
  }

  /** Of one file that is locked already, and stays so. */
  static of(output: OutputFile): OutputSet {
    return new OutputSet([output], false, false);
  }

  /** @throws as {@link OutputFile.claim} */
  static async claim(names: readonly string[], options: ClaimOptions): Promise<OutputSet> {
    const outputs: OutputFile[] = [];
    try {
      for (const name of names) outputs.push(await OutputFile.claim(name, options));
      return new OutputSet(outputs, options.overwrite, true);
    } catch (error) {
      for (const output of outputs) await output.release();
      throw error;
    }
  }

  /** As the user named them. */
  get names(): readonly string[] {
    return this.#outputs.map(({ name }) => name);
  }

  /** Where unfinished files are that a later run resumes. */
  get partialPaths(): readonly string[] {
    return this.#outputs.map(({ target }) => partialPath(target.path));
  }

  /** Where the files will be, without links. */
  get paths(): readonly string[] {
    return this.#outputs.map(({ target }) => target.path);
  }

  /** @param sizes bytes of each file */
  create(sizes: readonly number[]): Promise<TemporarySet> {
    return this.#open(sizes, (output) => output.create());
  }

  /** As {@link TemporaryFile.reopen}. */
  reopen(sizes: readonly number[], resume: boolean): Promise<TemporarySet> {
    return this.#open(sizes, ({ target }) => TemporaryFile.reopen(target, resume));
  }

  async #open(sizes: readonly number[], open: (output: OutputFile) => Promise<TemporaryFile>): Promise<TemporarySet> {
    const files: TemporaryFile[] = [];
    try {
      for (const output of this.#outputs) files.push(await open(output));
      return new TemporarySet(files, sizes);
    } catch (error) {
      for (const file of files) await file.discard();
      throw error;
    }
  }

  /**
   * Puts all files in their places. Until the first one is there, which comes last, no set looks whole: neither a new one, nor an
   * old one that is being replaced.
   *
   * @returns their size in bytes, together
   * @throws FileError ERR_FILE_NOT_WRITABLE; new files are removed again
   */
  async publish({ files }: TemporarySet): Promise<number> {
    const [first] = this.#outputs;
    if (first === undefined || this.#outputs.length === 1) return first?.publish(files[0] as TemporaryFile) ?? 0;
    if (this.#overwrite && first.target.there !== undefined) await unlink(first.target.path).catch(() => {});
    let bytes = 0;
    const published: string[] = [];
    try {
      for (let i = files.length - 1; i >= 0; i--) {
        const output = this.#outputs[i] as OutputFile;
        bytes += await output.publish(files[i] as TemporaryFile);
        published.push(output.target.path);
      }
      return bytes;
    } catch (error) {
      for (const path of published) if (await isFile(path)) await unlink(path).catch(() => {});
      throw error;
    }
  }

  /** Releases what it locked itself. Never throws. */
  async release(): Promise<void> {
    if (this.#ownsLocks) for (const output of this.#outputs) await output.release();
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() === true;
}

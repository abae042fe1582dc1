/** A file that stays open while something depends on its content, such as a loaded, perhaps mapped, model. */
import { type BigIntStats, close, fstat, open, read } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { FileError } from "../errors.ts";
import { assertRegularFile, type ByteSource, READ_WITHOUT_WAITING, readFully, refusePointer } from "./byte-source.ts";
import { notReadable, readError } from "./file-errors.ts";
import { fileKey } from "./same-file.ts";

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const statDescriptor = promisify(fstat) as (descriptor: number, options: { bigint: true }) => Promise<BigIntStats>;
const readDescriptor = promisify(read);

/** Closes what was forgotten. A FileHandle would do so with a warning, and from Node 25 on with an error. */
const forgotten = new FinalizationRegistry((descriptor: number) => close(descriptor, () => {}));

const CLOSED = "it has been closed";

export class OpenedFile implements ByteSource {
  readonly path: string;
  readonly size: number;
  /** Of the file as it was when it was opened. */
  readonly status: BigIntStats;
  readonly #descriptor: number;
  /** What the path named then. Not compared with `status`: some systems number open and named files differently. */
  readonly #place: string | undefined;
  /** Of the path, wherever this process goes. */
  readonly #absolute: string;
  #closing: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;

  private constructor(path: string, descriptor: number, status: BigIntStats, place: string | undefined) {
    this.path = path;
    this.size = Number(status.size);
    this.status = status;
    this.#descriptor = descriptor;
    this.#place = place;
    this.#absolute = resolve(path);
    forgotten.register(this, descriptor, this);
  }

  /** @throws FileError ERR_FILE_NOT_READABLE, also for what is not a regular file */
  static async open(path: string): Promise<OpenedFile> {
    let descriptor: number | undefined;
    let opened: OpenedFile | undefined;
    try {
      await assertRegularFile(path);
      descriptor = await openDescriptor(path, READ_WITHOUT_WAITING);
      const status = await statDescriptor(descriptor, { bigint: true });
      if (!status.isFile()) throw notReadable(path, "it is not a regular file");
      opened = new OpenedFile(path, descriptor, status, await placeOf(path));
      await refusePointer(opened);
      return opened;
    } catch (error) {
      if (opened !== undefined) await opened.close();
      else if (descriptor !== undefined) await closeDescriptor(descriptor);
      throw readError(path, error);
    }
  }

  /** For C code of this process. Undefined on Windows, where C libraries do not share descriptors. */
  get descriptor(): number | undefined {
    return process.platform === "win32" ? undefined : this.#descriptor;
  }

  get identity(): string {
    return contentOf(this.status);
  }

  read(position: number, target: Uint8Array): Promise<void> {
    return readFully(this, position, target, async (offset, length, at) => {
      if (this.#closing !== undefined) throw new Error(CLOSED);
      const { bytesRead } = await readDescriptor(this.#descriptor, target, offset, length, at);
      // The number may have been another file's before the system came to it.
      if (this.#closing !== undefined) throw new Error(CLOSED);
      return bytesRead;
    });
  }

  /**
   * Checks that the file is unchanged since it was opened: its size, its modification time, and that its path does not
   * name another file. A path that no longer exists is harmless. Concurrent calls share a check that starts after them.
   *
   * @throws FileError ERR_MODEL_CHANGED
   */
  assertUnchanged(): Promise<void> {
    if (this.#nextLook !== undefined) return this.#nextLook;
    if (this.#looking !== undefined) {
      // The running check may have been too early to see the latest change.
      const after = () => {
        this.#nextLook = undefined;
        return this.assertUnchanged();
      };
      this.#nextLook = this.#looking.then(after, after);
      return this.#nextLook;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#closing !== undefined) return;
    const opened = await statDescriptor(this.#descriptor, { bigint: true });
    if (opened.size !== this.status.size || opened.mtimeNs !== this.status.mtimeNs) throw changedFile(this.path);
    const place = await placeOf(this.#absolute);
    if (place !== undefined && place !== this.#place) throw changedFile(this.path, " (another file took its place)");
  }

  /** A second call returns the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    forgotten.unregister(this);
    await (this.#nextLook ?? this.#looking)?.catch(() => {});
    await closeDescriptor(this.#descriptor);
  }
}

export function changedFile(file: string, how = ""): FileError {
  return new FileError(
    "ERR_MODEL_CHANGED",
    `The file ${file} changed while it was in use${how}; results could be wrong. Load it again.`,
    { file },
  );
}

/** Undefined where there is no file. */
async function placeOf(path: string): Promise<string | undefined> {
  const named = await stat(path, { bigint: true }).catch(() => undefined);
  return named === undefined ? undefined : fileKey(named);
}

function contentOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(":");
}

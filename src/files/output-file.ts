/** An output: locked against all other writers before anything is read for it. */
import { lstat, readdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import { notWritable, unwritable } from "./file-errors.ts";
import { FileLock, isAbandoned, LockHeld, type LockHolder } from "./file-lock.ts";
import { besideTarget, findTarget, type Target } from "./target.ts";
import { PARTIAL_SUFFIX, TemporaryFile } from "./temporary-file.ts";

const LOCK = ".lock";
/** Leftovers of a process killed while taking a lock or removing an abandoned one: what was to get the name, and the token. */
const LOCK_DRAFT = new RegExp(`^\\${LOCK}\\.(?:[0-9a-f]{16}\\.\\d+\\.)?[0-9a-f]{12}$`);
const LOCK_TOKEN = new RegExp(`^\\${LOCK}\\.[0-9a-f]{16}(?:\\.\\d+)?$`);
/** Far longer than taking a lock lasts: for leftovers of other machines. */
const LEFTOVER_MS = 60_000;

export interface ClaimOptions {
  /** Whether an existing file may be replaced. */
  readonly overwrite: boolean;
  /** Wait while another process writes to the file; default false: fail at once. */
  readonly wait?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class OutputFile {
  readonly target: Target;
  readonly #overwrite: boolean;
  readonly #lock: FileLock;

  private constructor(target: Target, overwrite: boolean, lock: FileLock) {
    this.target = target;
    this.#overwrite = overwrite;
    this.#lock = lock;
  }

  /** The name the user gave. */
  get name(): string {
    return this.target.name;
  }

  /**
   * Fails before any work if the file could not be written afterwards, and keeps others from writing to it until it is
   * released. Leftovers of processes that died while writing the same file are removed.
   *
   * @throws FileError ERR_FILE_NOT_WRITABLE, also while another writes to the same file, whatever name it knows it by;
   *   the signal's reason
   */
  static async claim(name: string, options: ClaimOptions): Promise<OutputFile> {
    const { overwrite, wait = false, signal } = options;
    signal?.throwIfAborted();
    const before = await findTarget(name, overwrite || wait);
    return OutputFile.#locked(before, await lockTarget(before, wait, signal), options);
  }

  /**
   * The same, but says who holds the file where another process writes to it.
   *
   * @throws as {@link claim}
   */
  static async tryClaim(name: string, options: Omit<ClaimOptions, "wait">): Promise<OutputFile | LockHeld> {
    options.signal?.throwIfAborted();
    const before = await findTarget(name, options.overwrite);
    const lock = await tryLock(before, false, options.signal);
    return lock instanceof LockHeld ? lock : OutputFile.#locked(before, lock, options);
  }

  static async #locked(before: Target, lock: FileLock, options: ClaimOptions): Promise<OutputFile> {
    const { overwrite, wait = false } = options;
    try {
      // It may have been made while the lock was waited for.
      const target = await findTarget(before.name, overwrite || wait);
      if (target.path !== before.path)
        throw unwritable(before.name, "it was just replaced by another file; start again");
      await removeLeftovers(target);
      return new OutputFile(target, overwrite, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** A temporary file for it, which is removed when the process ends. */
  create(): Promise<TemporaryFile> {
    return TemporaryFile.create(this.target);
  }

  /**
   * Puts the temporary file in its place.
   *
   * @returns its size in bytes
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  async publish(file: TemporaryFile): Promise<number> {
    if (await this.#lock.wasTaken())
      throw unwritable(this.name, `its lock ${this.#lock.path} was taken by another program; start again`);
    return file.publish(this.#overwrite);
  }

  /** Whether another process took the file over after this one was silent for too long. */
  wasTaken(): Promise<boolean> {
    return this.#lock.wasTaken();
  }

  /** Releases it to other writers. Never throws. */
  release(): Promise<void> {
    return this.#lock.release();
  }
}

/**
 * Holds a file while `work` makes it.
 *
 * @throws as {@link OutputFile.claim}, and what `work` throws
 */
export async function withOutput<Result>(
  name: string,
  options: ClaimOptions,
  work: (output: OutputFile) => Promise<Result>,
): Promise<Result> {
  const output = await OutputFile.claim(name, options);
  try {
    return await work(output);
  } finally {
    await output.release();
  }
}

/**
 * Writes a file completely or not at all; replaces an existing one.
 *
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function writeWhole(path: string, content: string | AsyncIterable<Uint8Array>): Promise<void> {
  await withOutput(path, { overwrite: true, wait: true }, async (output) => {
    const file = await output.create();
    try {
      let at = 0;
      for await (const bytes of typeof content === "string" ? [Buffer.from(content)] : content) {
        await file.write(bytes, at);
        at += bytes.length;
      }
      await output.publish(file);
    } finally {
      await file.discard();
    }
  });
}

/** @throws FileError ERR_FILE_NOT_WRITABLE; the signal's reason */
export async function lockTarget(target: Target, wait: boolean, signal?: AbortSignal): Promise<FileLock> {
  const lock = await tryLock(target, wait, signal);
  if (lock instanceof LockHeld) throw busy(target, lock.holder, lockPath(target));
  return lock;
}

async function tryLock(target: Target, wait: boolean, signal?: AbortSignal): Promise<FileLock | LockHeld> {
  const path = lockPath(target);
  try {
    const options = { signal, file: target.name };
    return wait ? await FileLock.acquire(path, options) : await FileLock.tryAcquire(path, options);
  } catch (error) {
    signal?.throwIfAborted();
    throw notWritable(target.name, error);
  }
}

/** Where the lock of an output is. */
export function lockPath({ path }: Pick<Target, "path">): string {
  return besideTarget(path, LOCK);
}

function busy({ name, path }: Target, holder: Partial<LockHolder>, lock: string): FileError {
  const { process: number, host, since } = holder;
  const who =
    number === undefined ? "another program" : `process ${number}${number === process.pid ? ", this one," : ""}`;
  const where = host === undefined ? "" : ` on ${host}`;
  const when = since === undefined ? "" : ` since ${since}`;
  return new FileError(
    "ERR_FILE_NOT_WRITABLE",
    `The file ${name} is being written by ${who}${where}${when}. Wait for it to finish, or stop it; ` +
      `if it does not write ${path}, delete ${lock}.`,
    { file: name },
  );
}

/** We hold the lock, so partial files there belong to processes that died. */
export async function removeLeftovers({ path }: Target): Promise<void> {
  const folder = dirname(path);
  const prefix = basename(besideTarget(path, ""));
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const suffix = name.slice(prefix.length);
    const isPartial = PARTIAL_SUFFIX.test(suffix);
    const isDraft = LOCK_DRAFT.test(suffix);
    if (!isPartial && !isDraft && !LOCK_TOKEN.test(suffix)) continue;
    const file = join(folder, name);
    const found = await lstat(file).catch(() => undefined);
    if (!found?.isFile()) continue;
    const isOld = Date.now() - found.mtimeMs > LEFTOVER_MS;
    // An empty draft does not say whose it is: a process that lives makes another one.
    const isNobodys = isPartial || isOld || (isDraft && found.size === 0);
    if (isNobodys || (await isAbandoned(file))) await unlink(file).catch(() => {});
  }
}

/**
 * Removes what processes that died left of an output that need not be written. Who holds it, perhaps on another machine, is not
 * waited for. Never throws.
 */
export async function removeTraces(path: string): Promise<void> {
  const prefix = basename(besideTarget(path, "."));
  const names: readonly string[] = await readdir(dirname(path)).catch(() => []);
  if (!names.some((name) => name.startsWith(prefix))) return;
  const lock = lockPath({ path });
  if (names.includes(basename(lock)) && !(await isAbandoned(lock))) return;
  // Who takes the lock removes what is left there.
  await withOutput(path, { overwrite: true }, async () => {}).catch(() => {});
}

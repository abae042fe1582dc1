import { FileError } from "../errors.ts";
import { unwritable } from "./file-errors.ts";
import type { FileLock } from "./file-lock.ts";
import { lockTarget, removeLeftovers } from "./output-file.ts";
import { isDenied } from "./system-errors.ts";
import { findTarget, type Target } from "./target.ts";

export interface HeldOutput {
  /** The path to open, without links. */
  readonly path: string;
  /** Whether nothing is there yet. */
  readonly isNew: boolean;
  /** Releases it to other writers. Never throws. */
  release(): Promise<void>;
}

export interface HoldOptions {
  /** Whether an existing file may be replaced; default false. */
  readonly overwrite?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Keeps others of this package from a file that rows are written into as they come. Files that appear when they are complete
 * need nothing of the kind: convert and its like do it themselves.
 *
 * @throws FileError ERR_FILE_NOT_WRITABLE if it is not a regular file, already exists, or another process writes to it, which is named;
 *   the signal's reason
 */
export async function holdOutput(name: string, { overwrite = false, signal }: HoldOptions = {}): Promise<HeldOutput> {
  signal?.throwIfAborted();
  const before = await findTarget(name, overwrite, true);
  const lock = await lockIfPossible(before, signal);
  const release = async () => lock?.release();
  try {
    // It may have been made while the lock was taken.
    const { path, there } = await findTarget(name, overwrite, true);
    if (path !== before.path) throw unwritable(name, "it was just replaced by another file; start again");
    if (lock !== undefined) await removeLeftovers(before);
    return { path, isNew: there === undefined, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** A writable file can be in a read-only folder, where no lock can be created. */
async function lockIfPossible(target: Target, signal?: AbortSignal): Promise<FileLock | undefined> {
  try {
    return await lockTarget(target, false, signal);
  } catch (error) {
    if (target.there !== undefined && error instanceof FileError && isDenied(error.cause)) return undefined;
    throw error;
  }
}

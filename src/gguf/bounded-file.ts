import { type FileHandle, open, stat } from "node:fs/promises";
import { FileError } from "../errors.ts";

/** A regular file that is open for reading, with the size that it had when it was opened. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Opens a regular file for reading. Folders, pipes and devices are refused before they are opened, because opening a
 * pipe waits for a writer.
 *
 * @throws FileError ERR_FILE_NOT_READABLE
 */
export async function openFile(path: string): Promise<OpenFile> {
  let handle: FileHandle | undefined;
  try {
    if (!(await stat(path)).isFile()) throw notReadable(path, "is not a regular file");
    handle = await open(path, "r");
    const { size } = await handle.stat();
    return { handle, path, size };
  } catch (error) {
    await handle?.close();
    throw error instanceof FileError ? error : notReadable(path, reasonOf(error), error);
  }
}

/**
 * Reads exactly `length` bytes at `position`.
 *
 * @throws FileError ERR_FILE_NOT_READABLE when the file ends before, for example because it was cut while it was read.
 */
export async function readExactly(file: OpenFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  await readInto(file, position, buffer);
  return buffer;
}

/** As {@link readExactly}, into a given buffer. */
export async function readInto(file: OpenFile, position: number, target: Uint8Array): Promise<void> {
  let done = 0;
  while (done < target.length) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await file.handle.read(target, done, target.length - done, position + done));
    } catch (error) {
      throw notReadable(file.path, reasonOf(error), error);
    }
    if (bytesRead === 0)
      throw notReadable(file.path, `ended after ${position + done} of ${file.size} bytes while it was read`);
    done += bytesRead;
  }
}

/** Whether there is something at `path`, of whatever kind. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return false;
    throw notReadable(path, reasonOf(error), error);
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

function notReadable(file: string, reason: string, cause?: unknown): FileError {
  return new FileError("ERR_FILE_NOT_READABLE", `The file ${file} cannot be read: it ${reason}.`, { file, cause });
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist";
    case "EACCES":
    case "EPERM":
      return "is closed to this user";
    case "EMFILE":
    case "ENFILE":
      return "cannot be opened because too many files are open";
    default:
      return `gives the error ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A name from a file for an error message: quoted, control characters escaped, at most 80 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length <= MAX_QUOTED_CHARACTERS ? name : `${name.slice(0, MAX_QUOTED_CHARACTERS - 1)}…`);
}

/** Longest name shown in full in a message: llama.cpp's longest tensor name is 63 bytes. */
const MAX_QUOTED_CHARACTERS = 80;

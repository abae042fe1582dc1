/** A checkpoint's folder: on this machine, or remote. */
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { type ByteSource, openFile } from "../files/byte-source.ts";
import { exists } from "../files/optional-files.ts";
import { codeOf, isMissing, systemReason } from "../files/system-errors.ts";
import { missingUrlReason } from "../files/url-advice.ts";
import { catalogueHint, hubHint } from "../hub-hint.ts";

export interface CheckpointFolder {
  /** Its name in messages: a path, or "hf:OWNER/NAME". */
  readonly path: string;
  /** The last part of the path: the model's name if it has no other. */
  readonly name: string;
  /** The name of one of its files in messages. */
  pathOf(file: string): string;
  has(file: string): Promise<boolean>;
  /**
   * Names of all files in it or in a subfolder; empty if the subfolder does not exist.
   *
   * @throws FileError ERR_FILE_NOT_READABLE
   */
  list(folder?: string): Promise<readonly string[]>;
  /** For reading parts of a file. @throws FileError ERR_FILE_NOT_READABLE */
  open(file: string): Promise<ByteSource>;
  /**
   * For reading a whole file. A remote folder makes a verified local copy first, and deletes it when the source is
   * closed.
   *
   * @param signal cancels it
   */
  openWhole(file: string, signal?: AbortSignal): Promise<ByteSource>;
}

/** @throws FileError ERR_FILE_NOT_READABLE if it is not a folder */
export async function openLocalFolder(path: string): Promise<CheckpointFolder> {
  let isFolder = false;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    const isAbsent = codeOf(cause) === "ENOENT";
    const hint = isAbsent ? ((await hubHint(path)) ?? catalogueHint(path)) : undefined;
    const url = missingUrlReason(path, cause);
    const problem = isAbsent && url === undefined ? "does not exist" : `cannot be read: ${url ?? systemReason(cause)}`;
    const message = `The checkpoint folder ${path} ${problem}.`;
    throw new FileError("ERR_FILE_NOT_READABLE", hint === undefined ? message : `${message} ${hint}`, {
      file: path,
      cause,
    });
  }
  if (!isFolder)
    throw new FileError("ERR_FILE_NOT_READABLE", `${path} is not a folder; expected a checkpoint folder.`, {
      file: path,
    });
  return new LocalFolder(path);
}

class LocalFolder implements CheckpointFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get name(): string {
    return basename(resolve(this.path));
  }

  pathOf(file: string): string {
    return join(this.path, file);
  }

  has(file: string): Promise<boolean> {
    return exists(this.pathOf(file));
  }

  async list(folder?: string): Promise<readonly string[]> {
    const path = folder === undefined ? this.path : this.pathOf(folder);
    try {
      return (await readdir(path)).sort();
    } catch (cause) {
      if (folder !== undefined && isMissing(cause)) return [];
      throw new FileError("ERR_FILE_NOT_READABLE", `The folder ${path} cannot be read.`, { file: path, cause });
    }
  }

  open(file: string): Promise<ByteSource> {
    return openFile(this.pathOf(file));
  }

  openWhole(file: string): Promise<ByteSource> {
    return this.open(file);
  }
}

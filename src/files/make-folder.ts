import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { notWritable } from "./file-errors.ts";
import { codeOf } from "./system-errors.ts";

/**
 * Creates a folder and its missing parents. Node's recursive mkdir never ends where the system reports the parent as
 * missing, as /proc does.
 *
 * @throws the system's error
 */
export function makeFolder(path: string): void {
  const folder = resolve(path);
  try {
    mkdirSync(folder);
  } catch (error) {
    if (isFolder(folder)) return;
    const parent = dirname(folder);
    if (codeOf(error) !== "ENOENT" || parent === folder || isFolder(parent)) throw error;
    makeFolder(parent);
    makeFolder(folder);
  }
}

/**
 * Creates the folder that outputs go to.
 *
 * @param file that will be written there
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export function makeOutputFolder(folder: string, file: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw notWritable(file, cause);
    const message = `Cannot create the folder ${folder}: its path contains something that is not a folder.`;
    throw new FileError("ERR_FILE_NOT_WRITABLE", message, { file: folder, cause });
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Files and folders that may be missing. */
import { readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { readError } from "./file-errors.ts";
import { codeOf, isMissing } from "./system-errors.ts";

/** The result of a look-up; undefined if nothing exists at its path (ENOENT). Other errors are thrown. */
export async function ifExists<Value>(lookup: Promise<Value>): Promise<Value | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Whether there is something at `path`, of whatever kind.
 *
 * @throws FileError ERR_FILE_NOT_READABLE where the system does not say
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw readError(path, error);
  }
}

/** A small file's text; undefined when it cannot be read. */
export function readTextIfReadable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The sorted names in a folder; undefined when it cannot be read. */
export function listIfReadable(folder: string): string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch {
    return undefined;
  }
}

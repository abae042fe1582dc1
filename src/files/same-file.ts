/** Telling files apart: by their names, and over time. */
import { stat } from "node:fs/promises";
import { FileError } from "../errors.ts";

/** By device and file number, so that links count too; false where either is not there. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = [await stat(one, { bigint: true }), await stat(other, { bigint: true })];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/** Another one as soon as the file is written to, or another takes its place; undefined where it is not there. */
export async function fileVersion(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs].join(":");
  } catch {
    return undefined;
  }
}

/** @throws FileError ERR_FILE_NOT_READABLE when the file is not the one that had this version any more */
export async function assertUnchanged(path: string, version: string | undefined): Promise<void> {
  if ((await fileVersion(path)) === version) return;
  throw new FileError("ERR_FILE_NOT_READABLE", `The file ${path} changed while it was in use; load the model again.`, {
    file: path,
  });
}

/** The one sentence for a file that cannot be written. */
import { dirname, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { codeOf } from "./byte-source.ts";

/** @param cause an error of ours stays as it is; one of the system is put into words */
export function notWritable(file: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  if (codeOf(cause) === "EEXIST") return alreadyThere(file, cause);
  return unwritable(file, reasonOf(cause, file), cause);
}

function alreadyThere(file: string, cause: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `${file} already exists; overwrite (--force) replaces it.`, {
    file,
    cause,
  });
}

export function unwritable(file: string, reason: string, cause?: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `The file ${file} cannot be written: ${reason}.`, { file, cause });
}

function reasonOf(error: unknown, file: string): string {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return `the folder ${dirname(resolve(file))} does not exist`;
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "its folder is closed to this user";
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full";
    case "ELOOP":
      return "its symbolic links lead in a circle";
    case "ENAMETOOLONG":
      return "its name is too long for the file system";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

import { FileError } from "../errors.ts";
import { codeOf } from "../files/byte-source.ts";

/** The error for a file of the cache that cannot be made, written or renamed. */
export function cannotWrite(file: string, cause: unknown): Error {
  if (cause instanceof FileError) return cause;
  const message = `The file ${file} cannot be written: ${reasonOf(cause)}.`;
  return new FileError("ERR_FILE_NOT_WRITABLE", message, { file, cause });
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "its folder is closed to this user; set HF_HUB_CACHE to one that is not";
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full; what has come so far is kept";
    case "EEXIST":
    case "ENOTDIR":
      return "a part of its path is no folder";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

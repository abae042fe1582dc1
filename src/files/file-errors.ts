/** The sentences for files that cannot be read or written. */
import { dirname, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { codeOf, systemReason } from "./system-errors.ts";
import { missingUrlReason } from "./url-advice.ts";

/** @param reason a clause, such as "it is not a regular file" */
export function notReadable(file: string, reason: string, cause?: unknown): FileError {
  const told = missingUrlReason(file, cause) ?? reason;
  return new FileError("ERR_FILE_NOT_READABLE", `The file ${file} cannot be read: ${told}.`, { file, cause });
}

/** An error of ours stays as it is; one of the system becomes a sentence. */
export function readError(file: string, cause: unknown): FileError {
  return cause instanceof FileError ? cause : notReadable(file, systemReason(cause), cause);
}

/** @param reason a clause, such as "it is the file that is being read" */
export function unwritable(file: string, reason: string, cause?: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `The file ${file} cannot be written: ${reason}.`, { file, cause });
}

/** An error of ours stays as it is; one of the system becomes a sentence. */
export function notWritable(file: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  if (codeOf(cause) === "EEXIST")
    return new FileError("ERR_FILE_NOT_WRITABLE", `${file} already exists; overwrite (--force) replaces it.`, {
      file,
      cause,
    });
  // The file itself need not exist, so its folder is what is missing.
  if (codeOf(cause) === "ENOENT") return unwritable(file, `the folder ${dirname(resolve(file))} does not exist`, cause);
  return unwritable(file, systemReason(cause), cause);
}

/** The sentences for files that cannot be read or written. */
import { readlinkSync } from "node:fs";
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
  if (cause instanceof FileError) return cause;
  return notReadable(
    file,
    (codeOf(cause) === "ENOENT" ? missingReason(file) : undefined) ?? systemReason(cause),
    cause,
  );
}

/** Why a name that a folder has may lead to no file. */
function missingReason(path: string): string | undefined {
  // Node reads a byte that is not UTF-8 as this sign, and does not find the file again.
  if (path.includes("\ufffd")) return "its name is not valid UTF-8; rename it";
  try {
    return `it is a symbolic link to ${readlinkSync(path)}, which does not exist`;
  } catch {
    return undefined;
  }
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

/** Operating-system errors as clauses: the one table for every message about a file. */

/** Clauses that follow "cannot be read: " or "cannot be written: ". */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "part of its path is not a folder",
  EISDIR: "it is a folder",
  EEXIST: "it already exists",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EBUSY: "another program has it open",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ELOOP: "its symbolic links form a loop",
  ENAMETOOLONG: "its name is too long for the file system",
  EIO: "the device reported an input/output error",
};

/** The system's code, such as "ENOENT". */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Whether a look-up failed only because there is nothing at the path. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

/** Whether permission is missing, or the file system is read-only. */
export function isDenied(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(codeOf(error) ?? "");
}

/** Whether the disk or the user's quota is full. */
export function isDiskFull(error: unknown): boolean {
  return codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT";
}

/** Whether the file system has no hard or symbolic links: FAT (EISDIR on Windows), some network and FUSE file systems. */
export function hasNoLinks(error: unknown): boolean {
  return NO_LINKS.includes(codeOf(error) ?? "");
}

const NO_LINKS = ["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL", "EISDIR", "UNKNOWN"];

/** Why a file operation failed: a clause without a full stop. */
export function systemReason(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && Object.hasOwn(REASONS, code)) return REASONS[code] as string;
  return error instanceof Error ? error.message : String(error);
}

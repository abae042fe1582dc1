/** Git LFS: a repository that was cloned without its large files has a short text in the place of each. */

/** What every pointer begins with, by the specification. */
const FIRST_WORDS = "version https://git-lfs.github.com/spec/";
/** A pointer is shorter than this, by the specification. */
export const MAX_POINTER_BYTES = 1024;

/** Whether a file that begins with these bytes is a pointer. */
export function isPointer(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, FIRST_WORDS.length)).toString("latin1") === FIRST_WORDS;
}

/** A clause about a file that begins with these bytes; undefined: it is no pointer. */
export function pointerReason(head: Uint8Array): string | undefined {
  if (!isPointer(head)) return undefined;
  return "it is a Git LFS pointer, not the file itself: fetch it with `git lfs pull` in its repository";
}

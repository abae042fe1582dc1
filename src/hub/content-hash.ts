/** The hashes that the hub names files by: SHA-256 of large files, git's hash of small ones. */
import { createHash, type Hash } from "node:crypto";

export interface ContentHash {
  readonly kind: "sha256" | "git";
  /** 64 or 40 digits. */
  readonly hex: string;
}

/** A hash in the making; `size` is that of the whole content. */
export function startHash({ kind }: ContentHash, size: number): Hash {
  return kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

export function hashName({ kind }: ContentHash): string {
  return kind === "sha256" ? "SHA-256" : "git hash";
}

/** A folder of small JSON files, one for each key. A cache: what cannot be read or written is computed again. */
import { createHash, randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "./make-folder.ts";
import { listIfReadable } from "./optional-files.ts";

/** Of a SHA-256, which has 64. */
const KEY_DIGITS = 24;

/** A short name for everything that a value depends on. */
export function cacheKey(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, KEY_DIGITS);
}

/** Changes when the file does. Devices (/dev/nvidia0) count only as present: their times change at every start. */
export function fileIdentity(path: string): readonly (string | number)[] {
  try {
    const stats = statSync(path);
    return stats.isFile() ? [path, stats.size, Math.round(stats.mtimeMs)] : [path];
  } catch {
    return [path, "missing"];
  }
}

export class JsonCache {
  readonly #folder: string;
  readonly #maxEntries: number;

  /** @param maxEntries the oldest entries beyond this number are removed */
  constructor(folder: string, maxEntries: number) {
    this.#folder = folder;
    this.#maxEntries = maxEntries;
  }

  /** The value as it was written, unchecked; undefined if there is none or it cannot be read. */
  read(key: string): unknown {
    try {
      return JSON.parse(readFileSync(this.#path(key), "utf8"));
    } catch {
      return undefined;
    }
  }

  /** Writes it completely or not at all, creating the folder. Never throws. */
  write(key: string, value: unknown): void {
    this.#put(key, value, renameSync);
  }

  /** Like {@link write}, but never replaces. @returns false where there is a value already, or it cannot be written */
  add(key: string, value: unknown): boolean {
    return this.#put(key, value, (temporary, path) => {
      linkSync(temporary, path);
      removeQuietly(temporary);
    });
  }

  #put(key: string, value: unknown, give: (temporary: string, path: string) => void): boolean {
    const path = this.#path(key);
    const temporary = `${path}.${randomBytes(6).toString("hex")}`;
    try {
      makeFolder(dirname(path));
      writeFileSync(temporary, JSON.stringify(value), { flag: "wx" });
      give(temporary, path);
      this.#removeOldest();
      return true;
    } catch {
      removeQuietly(temporary);
      return false;
    }
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.json`);
  }

  #removeOldest(): void {
    const byAge = (listIfReadable(this.#folder) ?? [])
      .map((name) => join(this.#folder, name))
      .map((path) => ({ path, time: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((a, b) => b.time - a.time);
    for (const { path } of byAge.slice(this.#maxEntries)) removeQuietly(path);
  }
}

/** Another process may have been faster. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never created, or was already removed.
  }
}

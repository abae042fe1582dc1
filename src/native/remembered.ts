/** Findings about libraries and drivers, one small JSON file each in the cache folder, kept from one process to the next. */
import { createHash } from "node:crypto";
import { readFileSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { namesIfThere } from "../files/if-there.ts";
import { rememberText } from "../files/remember.ts";

/** A few runtimes and models, on a few machines that share a home folder, before and after a few updates. */
const MOST_REMEMBERED = 64;

export interface Remembered {
  /** Milliseconds since 1970, when it was found. */
  readonly time: number;
  readonly result: unknown;
}

/** A short name for whatever findings depend on. */
export function keyOf(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}

/** Changes when the file does. Of devices (/dev/nvidia0) only that they are there: their times change at every start. */
export function fileIdentity(path: string): readonly (string | number)[] {
  try {
    const stats = statSync(path);
    return stats.isFile() ? [path, stats.size, Math.round(stats.mtimeMs)] : [path];
  } catch {
    return [path, "missing"];
  }
}

/** What was found under this key; nothing where there is none, or it cannot be read. */
export function readRemembered(folder: string, key: string): Remembered | undefined {
  try {
    const { time, result } = JSON.parse(readFileSync(file(folder, key), "utf8"));
    return typeof time === "number" ? { time, result } : undefined;
  } catch {
    return undefined;
  }
}

/** Never fails: without a cache folder every process finds out for itself. */
export function writeRemembered(folder: string, key: string, remembered: Remembered): void {
  rememberText(file(folder, key), JSON.stringify(remembered));
  try {
    forgetOldest(folder);
  } catch {
    // Another process may have been faster.
  }
}

function forgetOldest(folder: string): void {
  try {
    const byAge = (namesIfThere(folder) ?? [])
      .map((name) => join(folder, name))
      .map((path) => ({ path, time: statSync(path).mtimeMs }))
      .sort((a, b) => b.time - a.time);
    for (const { path } of byAge.slice(MOST_REMEMBERED)) unlinkSync(path);
  } catch {
    // Another process was faster.
  }
}

function file(folder: string, key: string): string {
  return join(folder, `${key}.json`);
}

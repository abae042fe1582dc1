/** What files are like on Windows: open ones keep their names from being given away, and not every name can be had. */

import { rename, unlink } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "./system-errors.ts";

/** Names of devices, which Windows reserves in every folder, with any ending. */
const DEVICE = /^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(?:\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const FORBIDDEN = /[:*?"<>|\x00-\x1f\x7f]/;

/**
 * Why Windows has no file of this name, a clause; undefined for a usable one. Node passes such names on as they are: what
 * follows a colon would become a hidden stream of the file before it, and other programs cannot open "model." at all.
 */
export function windowsNameProblem(name: string): string | undefined {
  if (DEVICE.test(name)) return `Windows keeps the name ${basename(name)} for a device`;
  const [character] = FORBIDDEN.exec(name) ?? [];
  if (character !== undefined) return `Windows allows no ${JSON.stringify(character)} in the name of a file`;
  return /[. ]$/.test(name) ? "Windows allows no dot or space at the end of a name" : undefined;
}

/**
 * A path of a drive without the prefix of the long form, such as "\\\\?\\" before "C:\\a.gguf": Node adds it wherever a path needs
 * it, and takes the root of a drive in the long form for a device.
 */
export function withoutLongForm(path: string): string {
  return path.replace(/^\\\\[?.]\\(?=[a-z]:\\)/i, "");
}

/** The codes of what another program's open handle causes, if only that of a virus scanner for an instant. */
const REFUSALS = ["EPERM", "EACCES", "EBUSY"];

/** Whether it may succeed soon: always false on other systems. */
export function isRefusedForNow(error: unknown, platform: NodeJS.Platform = process.platform): boolean {
  return platform === "win32" && REFUSALS.includes(codeOf(error) ?? "");
}

/** Scanners and indexers look at a new file for less than this. */
const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 200;

export interface PatienceOptions {
  readonly platform?: NodeJS.Platform;
  readonly patienceMs?: number;
}

/**
 * Repeats what Windows refuses while another program has the file open, for two seconds.
 *
 * @throws the system's last error, as EBUSY if waiting did not help
 */
export async function patiently<Result>(
  action: () => Promise<Result>,
  { platform = process.platform, patienceMs = PATIENCE_MS }: PatienceOptions = {},
): Promise<Result> {
  const began = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(MAX_PAUSE_MS, 2 * pause)) {
    try {
      return await action();
    } catch (error) {
      if (!isRefusedForNow(error, platform)) throw error;
      if (performance.now() - began > patienceMs)
        throw Object.assign(new Error((error as Error).message, { cause: error }), { code: "EBUSY" });
      await sleep(pause);
    }
  }
}

/** Renames a file, over another one too. @throws as {@link patiently} */
export function moveFile(from: string, to: string): Promise<void> {
  return patiently(() => rename(from, to));
}

/** Removes a file. @throws as {@link patiently} */
export function removeFile(path: string): Promise<void> {
  return patiently(() => unlink(path));
}

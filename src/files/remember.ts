/** Small files of a cache: whole or not there, and nobody's loss. */
import { randomBytes } from "node:crypto";
import { renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.ts";

/** Writes or replaces a file, with its folder. Never throws: without a cache everything is found out anew. */
export function rememberText(path: string, text: string): void {
  const own = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    makeFolder(dirname(path));
    writeFileSync(own, text, { flag: "wx" });
    renameSync(own, path);
  } catch {
    try {
      unlinkSync(own);
    } catch {
      // It was never made.
    }
  }
}

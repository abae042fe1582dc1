/** Looks at files of the system that may be missing or closed to this user: then there is nothing to see. */
import { readdirSync, readFileSync } from "node:fs";

/** A small file's text; undefined when it cannot be read. */
export function textIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The names in a folder, sorted; undefined when it cannot be read. */
export function namesIfThere(folder: string): string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch {
    return undefined;
  }
}

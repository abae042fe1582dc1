/** Tasks and programs of contenders. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let tasks = 0;

/** Writes a task to a file: a command line has no room for thousands of ids. */
export function taskFile(task) {
  const path = join(folder, `${tasks++}.json`);
  writeFileSync(path, JSON.stringify(task));
  return path;
}

export const script = (name) => fileURLToPath(new URL(`contenders/${name}`, import.meta.url));

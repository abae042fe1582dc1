/** Files that are removed when the process ends, whichever way it ends: by process.exit or an uncaught error, too. */
import { readFileSync, unlinkSync } from "node:fs";
import { readFile, unlink } from "node:fs/promises";

interface Leftover {
  readonly path: string;
  /** Only a file that holds this is ours. */
  readonly content: string | undefined;
}

const leftovers = new Set<Leftover>();
let isListening = false;

/**
 * Removes a file when the process (or this worker thread) ends.
 *
 * @param content a file with other content by then is kept
 * @returns takes it back
 */
export function removeAtExit(path: string, content?: string): () => void {
  const leftover = { path, content };
  leftovers.add(leftover);
  if (!isListening) {
    isListening = true;
    process.on("exit", removeNow);
  }
  return () => void leftovers.delete(leftover);
}

/** The last first: what a lock protects goes before the lock. */
function take(): Leftover[] {
  const all = [...leftovers].reverse();
  leftovers.clear();
  return all;
}

function removeNow(): void {
  for (const { path, content } of take()) {
    try {
      if (content === undefined || readFileSync(path, "utf8") === content) unlinkSync(path);
    } catch {
      // What cannot be removed is found by the next run.
    }
  }
}

/** Does now what would be done at the end, off the JS thread: for a process that must end though a disk is stalled. */
export async function removeLeftoversNow(): Promise<void> {
  for (const { path, content } of take()) {
    const found = content === undefined ? undefined : await readFile(path, "utf8").catch(() => "");
    if (found === content) await unlink(path).catch(() => {});
  }
}

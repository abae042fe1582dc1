/** Files to remove when the process ends, also by process.exit or an uncaught error. */
import { readFileSync, unlinkSync } from "node:fs";
import { readFile, unlink } from "node:fs/promises";

interface Leftover {
  readonly path: string;
  /** Only a file with this content is ours. */
  readonly content: string | undefined;
}

const leftovers = new Set<Leftover>();
let isListening = false;

/**
 * Removes a file when the process (or this worker thread) ends.
 *
 * @param content a file with other content by then is kept
 * @returns a function that cancels the removal
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

/** In reverse order: what a lock protects is removed before the lock. */
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
      // The next run finds what could not be removed.
    }
  }
}

/** Removes them now, off the JS thread: the process must end even if a disk is stalled. */
export async function removeLeftoversNow(): Promise<void> {
  for (const { path, content } of take()) {
    const found = content === undefined ? undefined : await readFile(path, "utf8").catch(() => "");
    if (found === content) await unlink(path).catch(() => {});
  }
}

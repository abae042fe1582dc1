/** What is put in order when the process ends, whichever way it ends: by process.exit or an uncaught error, too. */
import { unlinkSync } from "node:fs";

const actions = new Set<() => void>();
let isListening = false;

/**
 * Calls `action`, which must not wait, when the process (or this worker thread) ends.
 *
 * @returns takes it back
 */
export function atExit(action: () => void): () => void {
  actions.add(action);
  if (!isListening) {
    isListening = true;
    process.on("exit", tidyUp);
  }
  return () => void actions.delete(action);
}

/** Does now what would be done at the end: for a process that is about to end in a way that Node does not notice. */
export function tidyUp(): void {
  // The last first: what a lock protects goes before the lock.
  for (const action of [...actions].reverse()) {
    actions.delete(action);
    try {
      action();
    } catch {
      // The process ends; what cannot be removed is found by the next run.
    }
  }
}

/** Removes a file at the end, unless that is taken back. */
export function removeAtExit(path: string): () => void {
  return atExit(() => unlinkSync(path));
}

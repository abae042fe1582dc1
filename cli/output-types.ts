/** What rows are written to. */
import type { Checkpoint } from "./library.ts";

export interface Output {
  readonly isStdout: boolean;
  /** What is written is kept until {@link complete} makes the output of it. */
  readonly isHeld: boolean;
  /** An old file that the first write truncates. */
  readonly replaces?: string;
  /** What an earlier run has done already. */
  readonly earlier?: Checkpoint;
  /** Resolves once the system has the text: a slow reader slows the work down. */
  write(text: string | Uint8Array): Promise<void>;
  /** Records that the rows so far are written, at times or `now`, for a run that resumes this one. */
  save?(done: () => Done, now?: boolean): Promise<void>;
  /** Call when all is written. */
  complete?(done: Done, publish: Publish | undefined): Promise<void>;
  close(): Promise<void>;
}

/** What a run has done, see {@link Checkpoint}. */
export type Done = Omit<Checkpoint, "bytes" | "output" | "complete">;

/** Makes the output of the lines that were kept, which may be read several times. */
export type Publish = (lines: () => AsyncIterable<string>) => AsyncIterable<Uint8Array>;

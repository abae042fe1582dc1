/** What every command receives. */
import type { Terminal } from "./terminal.ts";

export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** For commands that end by themselves; see signals.ts. */
  readonly drain: () => AbortSignal;
}

/** Runs a command; resolves to the exit code. */
export type Action<Options> = (options: Options, context: CommandContext) => Promise<number>;

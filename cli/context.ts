/** What every command is given. */
import type { Terminal } from "./terminal.ts";

export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A command's work; the number is the exit code. */
export type Action<Options> = (options: Options, context: CommandContext) => Promise<number>;

/** Exit codes, the CLI's own errors, and the one line that each failure prints. */
import { inspect } from "node:util";
import { FileError, isStarlingError } from "../src/index.ts";
import { systemReason } from "./library.ts";
import { visible } from "./visible-text.ts";

export const EXIT_DONE = 0;
/** Some rows failed; the others were scored. */
export const EXIT_ROWS_FAILED = 1;
/** Usage error, or a failure of the whole command. */
export const EXIT_FATAL = 2;

/** The command line is wrong; the message says how to fix it. */
export class UsageError extends Error {}

/** Options that do not fit the model, whatever the input is. */
export class UnfitForModel extends UsageError {}

/** The library says the same for outputs of its own. */
export function existingFile(path: string): string {
  return `${path} already exists; --force replaces it`;
}

/** @param name of a file, a pipe, a device or a stream */
export function notWritable(name: string, error: unknown): FileError {
  return new FileError("ERR_FILE_NOT_WRITABLE", `${name} cannot be written: ${systemReason(error)}.`, {
    cause: error,
    file: name,
  });
}

/** The reader of standard output has closed it (`| head`): stop, without an error. */
export class ClosedPipe extends Error {}

/** Ctrl-C or a termination request; `exitCode` is the shell's 128 + signal number. */
export class Interrupted extends Error {
  readonly exitCode: number;
  readonly signal: NodeJS.Signals;

  constructor(name: string, exitCode: number, signal: NodeJS.Signals) {
    super(`stopped by ${name}`);
    this.exitCode = exitCode;
    this.signal = signal;
  }
}

const DEBUG_VARIABLE = "STARLING_RM_DEBUG";

/** One line for `error`; the whole stack if STARLING_RM_DEBUG is set. */
export function failureText(error: unknown, environment: NodeJS.ProcessEnv = process.env): string {
  if (isSet(environment[DEBUG_VARIABLE])) return inspect(error);
  const message = visible(error instanceof Error ? error.message : String(error));
  if (isStarlingError(error) || error instanceof UsageError || error instanceof Interrupted) return message;
  return `${message || "unknown failure"} (unexpected; ${DEBUG_VARIABLE}=1 shows where it happened)`;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0";
}

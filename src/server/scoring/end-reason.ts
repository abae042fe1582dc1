/** Why a scoring process ended, in words. */

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it printed. */
  readonly printed: string;
}

/** What usually sends each signal. */
const CAUSES: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: "perhaps the system ran out of memory, or someone ended it",
  SIGABRT: "a check inside llama.cpp or a driver failed",
  SIGSEGV: "a fault in llama.cpp or a driver",
  SIGBUS: "a fault in llama.cpp or a driver, or the model's file was truncated while it was mapped",
  SIGFPE: "a fault in llama.cpp or a driver",
  SIGILL: "an instruction that this processor does not have",
  SIGTRAP: "V8's heap is full",
  SIGTERM: "someone ended it",
};
/** Windows has no signals: a crash is such an exit code. */
const FIRST_CRASH_CODE = 0xc0000000;

/** "was ended by SIGKILL (perhaps the system ran out of memory …)": what comes after "The scoring process". */
export function howItEnded({ code, signal, printed }: ProcessEnd): string {
  const said = lastWords(printed);
  const last = said === "" ? "" : `; last output: ${said}`;
  if (signal !== null) {
    const cause = CAUSES[signal];
    return `was ended by ${signal}${cause === undefined ? "" : ` (${cause})`}${last}`;
  }
  if (code !== null && code >= FIRST_CRASH_CODE) return `crashed (0x${code.toString(16).toUpperCase()})${last}`;
  return `ended with exit code ${code}${last}`;
}

/** A driver may print a page in one line. */
const MAX_SHOWN_CHARACTERS = 300;

/** The line that says what went wrong: an assertion or an error, else the last one. */
function lastWords(printed: string): string {
  const lines = printed
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return (
    lines.findLast((line) => /\bGGML_ASSERT\b|\b[Aa]ssertion\b/.test(line)) ??
    lines.findLast((line) => /\b(?:error|fatal|failed)\b/i.test(line)) ??
    lines.at(-1) ??
    ""
  ).slice(0, MAX_SHOWN_CHARACTERS);
}

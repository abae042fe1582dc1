/** Progress and problems of eval, compare and fit. */
import { type EvaluateProgress, type RowProblem, StrictStop } from "../src/index.ts";
import type { DataOptions } from "./benchmark-options.ts";
import type { CommandContext } from "./context.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED } from "./errors.ts";
import { given } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { downloadText, progressText } from "./progress-bar.ts";
import { RowProblems } from "./row-problems.ts";

/** Settings and callbacks for every run. */
export interface RunHooks<Progress> {
  readonly signal: AbortSignal;
  readonly strict: boolean;
  readonly ignoreFields?: readonly string[];
  readonly differentPrompts?: "refuse" | "allow";
  readonly onProblem: (problem: RowProblem) => void;
  readonly onNotice: (message: string) => void;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Runs `work` and prints its result; problems are reported as they occur.
 *
 * @returns the exit code
 */
export async function runAndPrint<Progress>(
  { terminal, signal }: CommandContext,
  options: Pick<DataOptions, "strict" | "ignoreField" | "differentPrompts">,
  statusText: (progress: Progress, seconds: number, columns: number) => string,
  work: (hooks: RunHooks<Progress>) => Promise<string>,
): Promise<number> {
  const problems = new RowProblems(terminal);
  const started = performance.now();
  let progress: Progress | undefined;
  let rows = 0;
  terminal.showStatus((columns) =>
    progress === undefined ? "" : statusText(progress, (performance.now() - started) / 1000, columns),
  );
  try {
    const text = await work({
      signal,
      strict: options.strict === true,
      ...given({ ignoreFields: options.ignoreField, differentPrompts: options.differentPrompts }),
      onProblem({ source, where, error }) {
        problems.add(`${source}, ${where}`, error);
      },
      onNotice: (message) => terminal.say(`note: ${message}`),
      onProgress(now) {
        progress = now;
        rows = Math.max(rows, rowsOf(now));
        terminal.redrawStatus();
      },
    });
    terminal.endStatus();
    await (await openOutput()).write(text);
    return problems.count > 0 ? EXIT_ROWS_FAILED : EXIT_DONE;
  } catch (error) {
    // The row that ended a strict run was just reported.
    if (error instanceof StrictStop) return EXIT_ROWS_FAILED;
    throw error;
  } finally {
    terminal.endStatus();
    problems.end(rows);
  }
}

/** Cases done so far, if known. */
function rowsOf(progress: unknown): number {
  const { cases } = progress as { readonly cases?: unknown };
  return typeof cases === "number" ? cases : 0;
}

export function evaluationStatus(progress: EvaluateProgress, seconds: number, columns: number): string {
  if (progress.doing === "downloading") return downloadText(progress.progress, seconds, columns);
  if (progress.doing === "reading") return `reading ${progress.benchmark}`;
  if (progress.doing !== "scoring")
    return progressText({ label: `${progress.doing} the model`, fraction: progress.fraction, seconds }, columns);
  const { benchmark, cases, total, tokens, accuracy, interval } = progress;
  const range = interval === undefined ? "" : ` (${percent(interval.low)} to ${percent(interval.high)})`;
  const label = `${benchmark}${accuracy === undefined ? "" : ` ${percent(accuracy)}${range}`}`;
  const fraction = total === undefined ? undefined : cases / Math.max(1, total);
  return progressText({ label, fraction, seconds, counts: { prompts: cases, tokens } }, columns);
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

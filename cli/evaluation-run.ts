/** Progress and problems of eval, compare and fit. */
import { type EvaluateOptions, type RowProblem, StrictStop } from "../src/entry/eval.ts";
import type { Progress } from "../src/index.ts";
import type { DataOptions } from "./benchmark-options.ts";
import type { CommandContext } from "./context.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED } from "./errors.ts";
import { given } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { downloadText, progressText } from "./progress-bar.ts";
import { RowProblems } from "./row-problems.ts";

/** Settings and callbacks for every run. */
export interface RunHooks<P extends Progress> {
  readonly signal: AbortSignal;
  readonly strict: boolean;
  readonly ignoreFields?: readonly string[];
  readonly differentPrompts?: "refuse" | "allow";
  readonly onProblem: (problem: RowProblem) => void;
  readonly onNotice: (message: string) => void;
  readonly onProgress: (progress: P) => void;
}

/**
 * Runs `work` and prints its result; problems are reported as they occur.
 *
 * @returns the exit code
 */
export async function runAndPrint<P extends Progress>(
  { terminal, signal }: CommandContext,
  options: Pick<DataOptions, "strict" | "ignoreField" | "differentPrompts">,
  statusText: (progress: P, seconds: number, columns: number) => string,
  work: (hooks: RunHooks<P>) => Promise<string>,
): Promise<number> {
  const problems = new RowProblems(terminal);
  const started = performance.now();
  let progress: P | undefined;
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
      onNotice: (message) => terminal.note(`note: ${message}`),
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

type EvaluationProgress = Parameters<NonNullable<EvaluateOptions["onProgress"]>>[0];

/** Cases so far, where the phase counts them. */
function rowsOf(progress: Progress): number {
  if (progress.phase === "scoring") return progress.itemsDone;
  return progress.phase === "extracting" ? progress.casesDone : 0;
}

export function evaluationStatus(progress: EvaluationProgress, seconds: number, columns: number): string {
  const { phase, fraction } = progress;
  if (phase === "downloading") return downloadText(progress, seconds, columns);
  if (phase === "reading") return `reading ${progress.benchmark}`;
  if (phase !== "scoring") return progressText({ label: `${phase} the model`, fraction, seconds }, columns);
  const { benchmark, itemsDone, tokensDone, accuracy, interval } = progress;
  const range = interval === undefined ? "" : ` (${percent(interval.low)} to ${percent(interval.high)})`;
  const label = `${benchmark}${accuracy === undefined ? "" : ` ${percent(accuracy)}${range}`}`;
  return progressText({ label, fraction, seconds, counts: { prompts: itemsDone, tokens: tokensDone } }, columns);
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

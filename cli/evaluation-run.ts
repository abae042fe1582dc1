/** How eval, compare and fit tell what they do and what goes wrong. */
import { type EvaluateProgress, type RowProblem, StrictStop } from "../src/index.ts";
import type { DataOptions } from "./benchmark-options.ts";
import type { CommandContext } from "./context.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED, failureText } from "./errors.ts";
import { openOutput } from "./output.ts";
import { downloadText, progressText } from "./progress-bar.ts";

/** What the library is to be told with every run, and what it tells. */
export interface RunHooks<Progress> {
  readonly signal: AbortSignal;
  readonly strict: boolean;
  readonly onProblem: (problem: RowProblem) => void;
  readonly onNotice: (message: string) => void;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Runs `work` and prints what it gives; problems are told as they are found.
 *
 * @returns the exit code
 */
export async function runAndPrint<Progress>(
  { terminal, signal }: CommandContext,
  options: Pick<DataOptions, "strict">,
  statusText: (progress: Progress, seconds: number, columns: number) => string,
  work: (hooks: RunHooks<Progress>) => Promise<string>,
): Promise<number> {
  let problems = 0;
  const started = performance.now();
  let progress: Progress | undefined;
  terminal.showStatus((columns) =>
    progress === undefined ? "" : statusText(progress, (performance.now() - started) / 1000, columns),
  );
  try {
    const text = await work({
      signal,
      strict: options.strict === true,
      onProblem({ source, where, error }) {
        problems += 1;
        terminal.say(`${source}, ${where}: ${failureText(error)}`);
      },
      onNotice: (message) => terminal.say(`note: ${message}`),
      onProgress(now) {
        progress = now;
        terminal.redrawStatus();
      },
    });
    terminal.endStatus();
    await (await openOutput()).write(text);
    return problems > 0 ? EXIT_ROWS_FAILED : EXIT_DONE;
  } catch (error) {
    // The row that ended a strict run was told just before.
    if (error instanceof StrictStop) return EXIT_ROWS_FAILED;
    throw error;
  } finally {
    terminal.endStatus();
  }
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

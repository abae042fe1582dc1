/** How eval, compare and fit tell what they do and what goes wrong. */
import type { EvaluateProgress } from "../src/index.ts";
import type { DataOptions } from "./benchmark-options.ts";
import type { CommandContext } from "./context.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED, failureText } from "./errors.ts";
import { downloadText, progressText } from "./progress-bar.ts";

/** Problems are told as they are found, and counted. */
export function beginRun<Progress>(
  context: CommandContext,
  { strict }: Pick<DataOptions, "strict">,
  statusText: (progress: Progress, seconds: number, columns: number) => string,
) {
  const { terminal, signal } = context;
  let problems = 0;
  const started = performance.now();
  let progress: Progress | undefined;
  terminal.showStatus((columns) =>
    progress === undefined ? "" : statusText(progress, (performance.now() - started) / 1000, columns),
  );
  return {
    options: {
      signal,
      strict: strict === true,
      onProblem: ({ source, where, error }: { source: string; where: string; error: unknown }) => {
        problems += 1;
        terminal.say(`${source}, ${where}: ${failureText(error)}`);
      },
      onNotice: (message: string) => terminal.say(`note: ${message}`),
    },
    onProgress: (now: Progress) => {
      progress = now;
      terminal.redrawStatus();
    },
    exitCode: () => (problems > 0 ? EXIT_ROWS_FAILED : EXIT_DONE),
    /** The row itself was told already. */
    stoppedByStrict: (error: unknown) =>
      strict === true && problems > 0 && error instanceof Error && error.name === "StrictStop",
  };
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

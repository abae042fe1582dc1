/** `starling-rm eval` */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type BenchmarkName,
  type BenchmarkRequest,
  benchmarkNames,
  benchmarks,
  type EvaluateProgress,
  evaluate,
  prepareReportFolder,
  writeReport,
} from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED, failureText, UsageError } from "./errors.ts";
import { evaluationTable } from "./eval-table.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  given,
  loadSettings,
  type ModelOptions,
  modelPath,
} from "./model-option.ts";
import { collect, wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";
import { progressText } from "./progress-bar.ts";

export interface SampleOptions {
  readonly input: readonly string[];
  readonly limit?: number | "all";
  readonly seed?: number;
  readonly strict?: true;
  /** --no-cache */
  readonly cache: boolean;
}

type EvalCommandOptions = ModelOptions &
  EngineOptions &
  SampleOptions & { readonly benchmarks: readonly string[]; readonly output?: string; readonly json?: true };

/** The three of the model card's table. */
const CARD: readonly BenchmarkName[] = ["human", "truth", "safety"];
const ALL = "all";

/** The library's bounds. */
const MAX_LIMIT = 10_000_000;
const MAX_SEED = 2 ** 31 - 1;

export const evaluateCommand: Action<EvalCommandOptions> = async (options, context) => {
  const requests = requestsOf(options.benchmarks, options.input);
  if (options.output !== undefined) await prepareReportFolder(options.output);
  const path = await modelPath(options, context);
  const { terminal } = context;
  const run = beginRun(context, options, evaluationStatus);
  try {
    const evaluation = await evaluate({
      modelPath: path,
      benchmarks: requests,
      load: loadSettings(options),
      ...sampleSettings(options),
      ...run.options,
      onProgress: run.onProgress,
    });
    terminal.endStatus();
    const { report } = evaluation;
    const text = options.json
      ? `${JSON.stringify(report, undefined, 2)}\n`
      : evaluationTable(report, { columns: terminal.columns });
    await (await openOutput(undefined, [])).write(text);
    if (options.output !== undefined) {
      const written = await writeReport(options.output, evaluation);
      terminal.say(`the whole report: ${written.html}, ${written.json}, ${written.scores}`);
    }
    return run.exitCode();
  } catch (error) {
    if (run.stoppedByStrict(error)) return EXIT_ROWS_FAILED;
    throw error;
  } finally {
    terminal.endStatus();
  }
};

/** The library's names for the options of {@link addSampleOptions}, but for inputs and --strict. */
export function sampleSettings({ limit, seed, cache }: SampleOptions) {
  return { ...given({ limit, seed }), ...(cache ? {} : { cacheFolder: false as const }) };
}

/** What eval, compare and fit have in common: problems are told as they are found, and counted. */
export function beginRun<Progress>(
  context: CommandContext,
  { strict }: Pick<SampleOptions, "strict">,
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

/** Which benchmarks, and which inputs each of them gets. */
export function requestsOf(names: readonly string[], inputs: readonly string[]): BenchmarkRequest[] {
  const chosen = [...new Set(names.flatMap((name) => (name === ALL ? CARD : [name as BenchmarkName])))];
  const inputsOf = new Map<BenchmarkName, string[]>(chosen.map((name) => [name, []]));
  for (const input of inputs) {
    const [, prefix, rest] = /^([a-z0-9]+)=(.+)$/s.exec(input) ?? [];
    const named = benchmarkNames.find((name) => name === prefix);
    const [only] = chosen;
    if (named === undefined && chosen.length !== 1)
      throw new UsageError(`with several benchmarks say whose --input is: --input ${only}=${input}`);
    const list = inputsOf.get(named ?? (only as BenchmarkName));
    if (list === undefined) throw new UsageError(`--input ${input}: ${named} is not among the benchmarks to run`);
    list.push(named === undefined ? input : (rest as string));
  }
  return chosen.map((benchmark) => {
    const list = inputsOf.get(benchmark) ?? [];
    if (list.length === 0 && benchmarks[benchmark].source === undefined)
      throw new UsageError(`${benchmark} needs --input FILE: it has no data set of its own`);
    return { benchmark, ...(list.length === 0 ? {} : { inputs: list }) };
  });
}

export function addSampleOptions(command: Command): Command {
  return command
    .option(
      "-i, --input <[benchmark=]file>",
      "data: parquet, JSON lines, JSON or CSV, also .gz and .zst, or hf:OWNER/NAME (repeatable)",
      collect,
      [],
    )
    .option("--limit <n>", 'most prompts of each benchmark, drawn at random, or "all" (default: 1000)', limitValue)
    .option("--seed <n>", "of that sample (default: 0)", wholeNumber(0, MAX_SEED))
    .option("--strict", "stop at the first row that cannot be understood or scored")
    .option("--no-cache", "neither use nor keep the scores of other runs");
}

const limitNumber = wholeNumber(1, MAX_LIMIT);

function limitValue(text: string): number | "all" {
  if (text === "all") return text;
  try {
    return limitNumber(text);
  } catch {
    throw new InvalidArgumentError(`Expected "all" or a whole number from 1 to ${MAX_LIMIT}.`);
  }
}

export function describeEval(command: Command): Command {
  command
    .description("Measure how often a model gives the better response the higher score, as its card's table does.")
    .argument("<benchmarks...>", `${[...benchmarkNames, ALL].join(", ")} (${ALL}: ${CARD.join(", ")})`, benchmarkValue);
  addModelOptions(command);
  addSampleOptions(command);
  command
    .option("-o, --output <folder>", "write report.html, report.json and scores.jsonl there")
    .addOption(new Option("--json", "print the report as JSON instead of a table"));
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

function benchmarkValue(name: string, before: readonly string[] | undefined): string[] {
  if (name !== ALL && !benchmarkNames.includes(name as BenchmarkName))
    throw new InvalidArgumentError(`Expected one of ${[...benchmarkNames, ALL].join(", ")}.`);
  return [...(before ?? []), name];
}

const HELP = `
Benchmarks:
${Object.values(benchmarks)
  .map(({ name, description }) => `  ${name.padEnd(13)}${description}`)
  .join("\n")}

Without --input a benchmark's data set is downloaded from the Hugging Face hub once, at a fixed revision (some are gated:
accept their conditions on their pages and set HF_TOKEN). With several benchmarks write --input human=arena.parquet.
Rows of "pairs": {"prompt", "chosen", "rejected"}, or {"prompt", "responses", "ranks"} (1 = best, equal ranks are tied,
null = unranked).

Scores are kept: a run that was stopped goes on where it stopped, with the same result. A row that cannot be understood is
told by its number and left out.

Exit code: 0 done, 1 some rows failed (with --strict the first one ends the run), 2 wrong usage or a failure of the whole.

Examples:
  starling-rm eval --model rm.gguf all --output report
  starling-rm eval --model rm.gguf human --input arena.parquet --limit 200 --seed 7
  starling-rm eval --model rm.gguf pairs --input preferences.jsonl.gz --json | jq .accuracy`;

/** `starling-rm fit` */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { BenchmarkName } from "../src/entry/eval.ts";
import { type FitComparison, type FitModelOptions, type FitReport, fitModel } from "../src/entry/fit.ts";
import { addDataOptions, type DataOptions, printsAdapters, requestOf } from "./benchmark-options.ts";
import { calibrationText } from "./calibration-text.ts";
import type { Action } from "./context.ts";
import { checkModelName } from "./convert.ts";
import { counted } from "./counted.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { runAndPrint } from "./evaluation-run.ts";
import { benchmarkNames, MAX_SEED } from "./library.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  given,
  loadSettings,
  type ModelOptions,
  modelPath,
} from "./model-option.ts";
import { REPLACE, wholeNumber } from "./option-values.ts";
import { downloadText, progressText } from "./progress-bar.ts";
import { failedText, skippedText } from "./row-counts.ts";
import { propertyTable } from "./table.ts";

type FitCommandOptions = ModelOptions &
  EngineOptions &
  DataOptions & {
    readonly benchmark: BenchmarkName;
    readonly output?: string;
    readonly headOutput?: string;
    readonly ridge?: number | "auto";
    readonly calibrate?: true;
    readonly heldOut?: number;
    readonly seed?: number;
    readonly force?: true;
    readonly json?: true;
  };

export const fit: Action<FitCommandOptions> = async (options, context) => {
  if (await printsAdapters(options)) return EXIT_DONE;
  const data = requestOf(options.benchmark, options);
  if (options.output === undefined && options.headOutput === undefined)
    throw new UsageError(
      "no output: give --head-output FILE for only the head, or --output FILE for a copy of the model with it",
    );
  await checkModelName(options.output, { option: "--output", command: "fit" });
  await checkModelName(options.headOutput, { option: "--head-output", command: "fit" });
  const path = await modelPath(options, context);
  const { output, headOutput, ridge, calibrate, heldOut, seed, force } = options;
  return runAndPrint(context, options, statusText, async (hooks) => {
    const { report } = await fitModel({
      modelPath: path,
      data,
      load: loadSettings(options),
      overwrite: force === true,
      ...given({ output, headOutput, ridge, calibrate, heldOut, seed }),
      ...hooks,
    });
    return options.json ? `${JSON.stringify(report, undefined, 2)}\n` : fitTable(report);
  });
};

type FitModelProgress = Parameters<NonNullable<FitModelOptions["onProgress"]>>[0];

function statusText(progress: FitModelProgress, seconds: number, columns: number): string {
  switch (progress.phase) {
    case "extracting": {
      const counts = { responses: progress.responsesDone, tokens: progress.tokensDone };
      return progressText({ label: "features", seconds, counts }, columns);
    }
    case "downloading":
      return downloadText(progress, seconds, columns);
    case "fitting":
      return progressText({ label: `fitting, ridges tried: ${progress.trialsDone}`, seconds }, columns);
    default:
      return progressText({ label: `${progress.phase} the model`, fraction: progress.fraction, seconds }, columns);
  }
}

const DIGITS = 4;

function fitTable(report: FitReport): string {
  const { model, sources, rows, ridge, trials, converged, iterations, gradientNorm, change } = report;
  const properties: [string, string | undefined][] = [
    ["model", `${model.file} (${model.type})${model.head === undefined ? "" : `, from the head ${model.head.file}`}`],
    ["preferences", sources.map(({ name }) => name).join(", ")],
    [
      "rows",
      [counted(rows.read, "row"), skippedText(rows), failedText(rows)].filter((part) => part !== undefined).join("; "),
    ],
    ["ridge", `${ridge.toPrecision(DIGITS)}${trials.length > 0 ? `, the best of ${trials.length} tried` : ""}`],
    [
      "fit",
      `${converged ? "converged" : "NOT converged"} after ${counted(iterations, "iteration")} (gradient ${gradientNorm.toExponential(1)})`,
    ],
    ["calibration", report.calibration && `${calibrationText(report.calibration)}; ${lossText(report.calibration)}`],
    ["head changed by", `${change.toPrecision(3)} × its norm`],
    ["held out", report.heldOut === undefined ? "nothing" : comparisonText(report.heldOut)],
    ["fitted to", comparisonText(report.training)],
    ["new model", report.output],
    ["head file", report.headOutput],
  ];
  return propertyTable(properties.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function comparisonText({ cases, comparisons, before, after }: FitComparison): string {
  const numbers = (name: "accuracy" | "loss") => `${before[name].toFixed(DIGITS)} -> ${after[name].toFixed(DIGITS)}`;
  return `accuracy ${numbers("accuracy")}, loss ${numbers("loss")} (${counted(cases, "row")}, ${counted(comparisons, "comparison")})`;
}

/** Where prompts were held out, their loss is the honest one. */
function lossText({ folds, heldOut }: NonNullable<FitReport["calibration"]>): string {
  const { raw, calibrated } = heldOut ?? folds;
  const where = heldOut === undefined ? "of the folds" : "held out";
  return `log loss ${where} ${raw.toFixed(DIGITS)} -> ${calibrated.toFixed(DIGITS)}`;
}

/** The library's bounds. */
const MOST_HELD_OUT = 0.9;

function ridgeValue(text: string): number | "auto" {
  if (text === "auto") return text;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected "auto" or a number above 0.');
}

function partValue(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= MOST_HELD_OUT) return value;
  throw new InvalidArgumentError(`Expected a number from 0 to ${MOST_HELD_OUT}.`);
}

export function describeFit(command: Command): Command {
  command.description(
    "Fit the reward head to your own preferences, by the loss the model was trained with; the rest of the model is unchanged.",
  );
  addModelOptions(command);
  addDataOptions(command, { many: false });
  command
    .addOption(
      new Option("--benchmark <name>", "format of the data; without --input, the benchmark's own data set")
        .choices(benchmarkNames)
        .default("pairs" satisfies BenchmarkName),
    )
    .optionsGroup("Fit:")
    .option(
      "--ridge <number>",
      'penalty on moving away from the old head, or "auto" for cross-validation (default: auto)',
      ridgeValue,
    )
    .option(
      "--calibrate",
      "also fit and store a temperature and an offset for sigmoid((difference - offset) / temperature)",
    )
    .option(
      "--held-out <part>",
      "fraction of prompts held out to evaluate the new head, 0 to 0.9 (default: 0.1)",
      partValue,
    )
    .option("--seed <n>", "seed of the held-out split (default: 0)", wholeNumber(0, MAX_SEED))
    .optionsGroup("Output:")
    .option("-o, --output <file>", "write a copy of the model with the new head")
    .option("--head-output <file>", "write only the new head, a small file for --head")
    .option("--force", REPLACE)
    .option("--json", "print the result as JSON");
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Rows of --input:
  {"prompt": "…", "chosen": "…", "rejected": "…"}
  {"prompt": "…", "responses": ["…", "…", "…"], "ranks": [1, 2, null]}    1 = best, equal ranks tie, null is unranked

The new head minimises the mean K-wise loss of the prompts that are not held out, plus ridge/2 times the squared distance
from the old head. "Accuracy" is the mean share of a prompt's comparisons that are right. "Loss" is the negative
log-likelihood of a prompt's order, in nats. Judge the head by the line "held out".
--calibrate fits its two numbers to prompts that the head did not see. Difference is the first response's score minus the second's;
the offset is 0 where the better one always comes first, as in rows of chosen and rejected. Scores stay raw: "inspect"
shows the calibration, and "eval" reports its log loss beside the raw one.
The hidden state of each response is cached (28 kB each for the 34B): an interrupted run resumes, and another fit of the same
data takes seconds.

Exit codes: 0 success, 1 some rows failed (reported on stderr), 2 usage error or failure.

Examples:
  starling-rm fit --model rm.gguf --input prefs.jsonl --head-output mine.gguf
  starling-rm score --model rm.gguf --head mine.gguf --input pairs.jsonl
  starling-rm fit --model rm.gguf --input prefs.jsonl --held-out 0.2 --output rm-mine.gguf`;

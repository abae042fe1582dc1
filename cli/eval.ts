/** `starling-rm eval` */
import { type Command, Option } from "commander";
import { type BenchmarkRequest, benchmarks, evaluate, type WrittenReport, writeReport } from "../src/entry/eval.ts";
import {
  ALL,
  addDataOptions,
  addSampleOptions,
  benchmarkValue,
  CARD,
  requestsOf,
  type SampleOptions,
  sampleSettings,
} from "./benchmark-options.ts";
import type { Action } from "./context.ts";
import { UsageError } from "./errors.ts";
import { evaluationTable } from "./eval-table.ts";
import { evaluationStatus, runAndPrint } from "./evaluation-run.ts";
import { pathIdentity } from "./file-identity.ts";
import { benchmarkNames, prepareReportFolder } from "./library.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  loadSettings,
  type ModelOptions,
  modelPath,
} from "./model-option.ts";

type EvalCommandOptions = ModelOptions &
  EngineOptions &
  SampleOptions & { readonly benchmarks: readonly string[]; readonly output?: string; readonly json?: true };

export const evaluateCommand: Action<EvalCommandOptions> = async (options, context) => {
  const requests = requestsOf(options.benchmarks, options.input);
  if (options.output === "") throw new UsageError("--output is empty: give the name of a folder");
  if (options.output !== undefined) await checkNotRead(await prepareReportFolder(options.output), requests);
  const path = await modelPath(options, context);
  const { terminal } = context;
  return runAndPrint(context, options, evaluationStatus, async (hooks) => {
    const evaluation = await evaluate({
      modelPath: path,
      benchmarks: requests,
      load: loadSettings(options),
      ...sampleSettings(options),
      ...hooks,
    });
    const { report } = evaluation;
    for (const { benchmark, cases } of report.benchmarks)
      if (cases === 0) terminal.say(`note: ${benchmark} has no usable rows`);
    if (options.output !== undefined) {
      const written = await writeReport({ folder: options.output, evaluation });
      terminal.say(`the whole report: ${written.html}, ${written.json}, ${written.scores}`);
    }
    return options.json
      ? `${JSON.stringify(report, undefined, 2)}\n`
      : evaluationTable(report, { columns: terminal.columns });
  });
};

/** The report must not replace what it is about. */
async function checkNotRead(report: WrittenReport, requests: readonly BenchmarkRequest[]): Promise<void> {
  const inputs = await Promise.all(requests.flatMap(({ inputs = [] }) => inputs.map(pathIdentity)));
  for (const file of Object.values(report)) {
    const identity = await pathIdentity(file);
    if (identity !== undefined && inputs.includes(identity))
      throw new UsageError(`the report's ${file} is the file that is being read: write to another folder`);
  }
}

export function describeEval(command: Command): Command {
  command
    .description("Measure how often a model gives the better response the higher score, as its card's table does.")
    .argument("<benchmarks...>", `${[...benchmarkNames, ALL].join(", ")} (${ALL}: ${CARD.join(", ")})`, benchmarkValue);
  addModelOptions(command);
  addDataOptions(command, { many: true });
  addSampleOptions(command);
  command
    .option(
      "-o, --output <folder>",
      "write report.html, report.json and scores.jsonl there; files of these names are replaced",
    )
    .addOption(new Option("--json", "print the report as JSON instead of a table"));
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
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
reported by line number and skipped.

Exit code: 0 done, 1 some rows failed (with --strict the first one ends the run), 2 wrong usage or a failure of the whole.

Examples:
  starling-rm eval --model rm.gguf all --output report
  starling-rm eval --model rm.gguf human --input arena.parquet --limit 200 --seed 7
  starling-rm eval --model rm.gguf pairs --input preferences.jsonl.gz --json | jq .accuracy`;

/** `starling-rm eval` */
import { type Command, InvalidArgumentError } from "commander";
import { type BenchmarkName, type BenchmarkRequest, benchmarks, evaluate, writeReport } from "../src/entry/eval.ts";
import {
  ALL,
  addDataOptions,
  addSampleOptions,
  benchmarkValue,
  CARD,
  printsAdapters,
  refuseReplacingInput,
  requestsOf,
  type SampleOptions,
  sampleSettings,
} from "./benchmark-options.ts";
import type { Action } from "./context.ts";
import { EXIT_DONE, EXIT_FATAL, UsageError } from "./errors.ts";
import { evaluationTable } from "./eval-table.ts";
import { evaluationStatus, runAndPrint } from "./evaluation-run.ts";
import { benchmarkNames, prepareReportFolder, type ScoreTableFormat, scoreTableFormats } from "./library.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  given,
  loadSettings,
  type ModelOptions,
  modelPath,
} from "./model-option.ts";
import { checkFolderName } from "./output-names.ts";
import { fieldNames } from "./output-options.ts";
import { evalPartitions } from "./partitions/eval-partitions.ts";
import { addPartitionOptions, asksForPartitions, isPartitioned, type PartitionOptions } from "./partitions/options.ts";
import { whyNone } from "./row-counts.ts";

type EvalCommandOptions = ModelOptions &
  EngineOptions &
  SampleOptions &
  PartitionOptions & { readonly force?: true } & {
    readonly benchmarks: readonly string[];
    readonly by?: readonly string[];
    readonly modelField?: readonly string[];
    readonly paraphrases?: string;
    readonly output?: string;
    readonly scores?: readonly ScoreTableFormat[];
    readonly json?: true;
  };

export const evaluateCommand: Action<EvalCommandOptions> = async (options, context) => {
  if (await printsAdapters(options)) return EXIT_DONE;
  if (options.scores !== undefined && (options.output === undefined || asksForPartitions(options)))
    throw new UsageError(
      "--scores needs --output FOLDER without partitions: it writes scores.csv or scores.parquet beside the report",
    );
  if (asksForPartitions(options)) {
    await isPartitioned(options);
    // A check needs no input.
    const isAll = options.check === true && options.input === undefined;
    return evalPartitions(
      isAll ? plainRequests(options.benchmarks) : requestsOf(options.benchmarks, options),
      options,
      context,
    );
  }
  const requests = requestsOf(options.benchmarks, options);
  await checkFolderName(options.output, "eval writes report.html, report.json and scores.jsonl");
  if (options.output !== undefined)
    await refuseReplacingInput(Object.values(await prepareReportFolder(options.output, options.scores)), requests);
  const path = await modelPath(options, context);
  const { terminal } = context;
  let unmeasured = false;
  const exitCode = await runAndPrint(context, options, evaluationStatus, async (hooks) => {
    const evaluation = await evaluate({
      modelPath: path,
      benchmarks: requests,
      load: loadSettings(options),
      ...given({ by: options.by, modelFields: options.modelField, paraphrases: options.paraphrases }),
      ...sampleSettings(options),
      ...hooks,
    });
    const { report } = evaluation;
    for (const own of report.benchmarks) {
      if (own.cases > 0) continue;
      terminal.note(`error: ${own.benchmark} has no usable row, so nothing was measured: ${whyNone(own.rows)}`);
      unmeasured = true;
    }
    if (options.output !== undefined) {
      const written = await writeReport({
        folder: options.output,
        evaluation,
        ...given({ tables: options.scores }),
      });
      const { html, ...others } = written;
      terminal.say(`report written: ${[html, ...Object.values(others)].join(", ")}`);
    }
    return options.json
      ? `${JSON.stringify(report, undefined, 2)}\n`
      : evaluationTable(report, { columns: terminal.columns });
  });
  return unmeasured ? EXIT_FATAL : exitCode;
};

function plainRequests(names: readonly string[]): BenchmarkRequest[] {
  return names.flatMap((name) => (name === ALL ? CARD : [name as BenchmarkName])).map((benchmark) => ({ benchmark }));
}

function scoreFormats(text: string, before: readonly ScoreTableFormat[] = []): ScoreTableFormat[] {
  const names = text.split(",").map((name) => name.trim());
  const formats = names.flatMap((name) => scoreTableFormats.find((known) => known === name) ?? []);
  // scores.jsonl is always written.
  const unknown = names.find((name) => name !== "jsonl" && !formats.some((format) => format === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`Expected ${scoreTableFormats.join(" or ")}.`);
  return [...new Set([...before, ...formats])];
}

export function describeEval(command: Command): Command {
  command
    .description("Measure how often the better response gets the higher score, as in the model card's table.")
    .argument("<benchmarks...>", `${[...benchmarkNames, ALL].join(", ")} (= ${CARD.join(", ")})`, benchmarkValue);
  addDataOptions(command, { many: true });
  addSampleOptions(command);
  command.option(
    "--by <names>",
    "break accuracy down by fields of the rows (a,meta.b), turns or length (repeatable)",
    fieldNames,
  );
  command
    .option(
      "--model-field <names>",
      "fields with the names of the models that wrote the responses: a list, or one for each (default: model_a,model_b or models)",
      fieldNames,
    )
    .option(
      "--paraphrases <name>",
      "a field that is the same in rows with paraphrases of one prompt: measure consistency",
    );
  addModelOptions(command);
  command
    .optionsGroup("Output:")
    .option("-o, --output <folder>", "write report.html, report.json and scores.jsonl there; replaces older ones")
    .option(
      "--scores <formats>",
      "also write all scores, one row a response, as scores.csv or scores.parquet: csv,parquet",
      scoreFormats,
    )
    .option("--json", "print the report as JSON");
  addPartitionOptions(command);
  command.option("--force", "with partitions: replace what another run wrote there");
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Benchmarks:
${Object.values(benchmarks)
  .map(({ name, description }) => `  ${name.padEnd(13)}${description}`)
  .join("\n")}

Without --input, a benchmark's data set is downloaded once from the Hugging Face hub at a fixed revision (some are gated:
accept their conditions on their pages and set HF_TOKEN). With several benchmarks, write --input human=arena.parquet.
Rows of "pairs": {"prompt", "chosen", "rejected"} or {"prompt", "responses", "ranks"} (1 = best, equal ranks tie, null =
unranked), or those of a public data set as it is published: found from the columns, --adapter list names them.

Scores are cached: an interrupted run resumes and gives the same result. A malformed row is reported by line number and
skipped.

With --partitions or --shard, --output gets the scored cases of each file of --input instead of a report, and --check makes of them
the report on all files; several processes can share the work (docs/partitions.md).

Exit codes: 0 success, 1 some rows failed (reported on stderr; --strict stops at the first), 2 usage error or failure, also
a benchmark without any usable row. With --check: 0 the folder is whole, 1 it is not.

Examples:
  starling-rm eval --model rm.gguf all --output report
  starling-rm eval --model rm.gguf pairs --input preferences.jsonl --by category,turns
  starling-rm eval --model rm.gguf human --input arena.parquet --limit 200 --seed 7
  starling-rm eval --model rm.gguf pairs --input preferences.jsonl.gz --json | jq .accuracy`;

/** `starling-rm compare` */
import { type Command, Option } from "commander";
import { type BenchmarkName, type ComparedModel, type ComparisonReport, compareModels } from "../src/entry/eval.ts";
import {
  addDataOptions,
  addSampleOptions,
  printsAdapters,
  requestOf,
  type SampleOptions,
  sampleSettings,
} from "./benchmark-options.ts";
import { compareReports, isReport } from "./compare-reports.ts";
import type { Action } from "./context.ts";
import { counted } from "./counted.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { evaluationStatus, runAndPrint } from "./evaluation-run.ts";
import { benchmarkNames, byteSize } from "./library.ts";
import { ABSENT, probability, range, signed } from "./measure-text.ts";
import {
  addEngineOptions,
  addTokenOptions,
  type EngineOptions,
  loadSettings,
  localModel,
  type ModelOptions,
} from "./model-option.ts";
import { propertyTable } from "./table.ts";

type CompareCommandOptions = Omit<ModelOptions, "model" | "head"> &
  EngineOptions &
  SampleOptions & {
    readonly first: string;
    readonly second: string;
    readonly others?: readonly string[];
    readonly output?: string;
    readonly headA?: string;
    readonly headB?: string;
    readonly benchmark: BenchmarkName;
    readonly json?: true;
  };

export const compare: Action<CompareCommandOptions> = async (options, context) => {
  if (await printsAdapters(options)) return EXIT_DONE;
  const { first, second, others = [] } = options;
  const all = [first, second, ...others];
  const reports = all.filter(isReport);
  if (reports.length === all.length) {
    refuseModelOptions(options);
    return compareReports(all, options, context);
  }
  if (reports.length > 0)
    throw new UsageError(
      `${reports[0]} is a report, but ${all.find((one) => !isReport(one))} is not: compare models, or reports`,
    );
  if (others.length > 0)
    throw new UsageError("compare takes two models; more are compared by their reports, which eval --output writes");
  if (options.output !== undefined)
    throw new UsageError("--output is for comparing reports; --json prints this comparison");
  const data = requestOf(options.benchmark, options);
  const models = [await localModel(options.first, context), await localModel(options.second, context)] as const;
  return runAndPrint(context, options, evaluationStatus, async (hooks) => {
    const report = await compareModels({
      models,
      data,
      heads: [options.headA, options.headB],
      load: loadSettings(options),
      ...sampleSettings(options),
      ...hooks,
    });
    return options.json ? `${JSON.stringify(report, undefined, 2)}\n` : comparisonTable(report);
  });
};

/** The data, the sample and the scores of reports are known. */
function refuseModelOptions({ input, limit, seed, headA, headB }: CompareCommandOptions): void {
  const named = Object.entries({
    "--input": input,
    "--limit": limit,
    "--seed": seed,
    "--head-a": headA,
    "--head-b": headB,
  });
  const given = named.find(([, value]) => value !== undefined);
  if (given !== undefined) throw new UsageError(`${given[0]} does not apply to reports: their scores are known`);
}

const DIGITS = 4;

function comparisonTable(report: ComparisonReport): string {
  const { models, agreement, incomplete } = report;
  const { order, sameBest, kendall, scores, margins } = agreement;
  const [first, second] = models;
  const difference = (of: typeof scores) =>
    of === undefined
      ? ABSENT
      : `median ${of.median.toFixed(DIGITS)}, at most ${of.max.toFixed(DIGITS)}, mean ${of.mean.toFixed(DIGITS)}`;
  const of = incomplete === undefined ? "" : ` ${incomplete.sentence}`;
  return propertyTable([
    ["first", modelText(first)],
    ["second", modelText(second)],
    [
      "compared",
      `${counted(agreement.cases, "case")}, ${counted(agreement.responses, "response")}${incomplete === undefined ? "" : `,${of}`}`,
    ],
    ...scoreRows(report, of),
    ["same order", shareText(order.agreement, order.interval)],
    ["same best response", shareText(sameBest)],
    ["Kendall's tau", kendall === undefined ? ABSENT : kendall.toFixed(DIGITS)],
    ["scores differ by", difference(scores)],
    ["margins differ by", difference(margins)],
    ["accuracy of the first", accuracyText(first, of)],
    ["accuracy of the second", accuracyText(second, of)],
    ["difference of accuracies", differenceText(agreement.accuracyDifference)],
    ["right in only one", `${agreement.onlyFirstRight} in the first, ${agreement.onlySecondRight} in the second`],
  ]);
}

/** Official scores, where the benchmark has one. */
function scoreRows({ models, officialScoreDifference }: ComparisonReport, of: string): [string, string][] {
  if (officialScoreDifference === undefined) return [];
  const [first, second] = models.map(
    ({ officialScore }) => `${shareText(officialScore?.score, officialScore?.interval)}${of}`,
  ) as [string, string];
  return [
    ["score of the first", first],
    ["score of the second", second],
    ["difference of scores", pairedText(officialScoreDifference)],
  ];
}

function modelText({ file, type, size, head }: ComparedModel): string {
  return `${file} (${type}, ${byteSize(size)})${head === undefined ? "" : ` with the head ${head.file}`}`;
}

function accuracyText({ accuracy: measured }: ComparedModel, of: string): string {
  return measured === undefined ? "no order is known" : `${shareText(measured.accuracy, measured.interval)}${of}`;
}

function differenceText(paired: ComparisonReport["agreement"]["accuracyDifference"]): string {
  if (paired === undefined) return ABSENT;
  return pairedText(paired, `; McNemar's p ${probability(paired.p, "below")}`);
}

function pairedText(
  { difference, interval }: { readonly difference: number; readonly interval: Range },
  more = "",
): string {
  const text = (value: number) => signed(value, DIGITS);
  return `${text(difference)} (${range(interval, text)}, ${levelText(interval)}${more})`;
}

type Range = NonNullable<ComparisonReport["agreement"]["order"]["interval"]>;

function shareText(share: number | undefined, interval?: Range): string {
  if (share === undefined) return ABSENT;
  if (interval === undefined) return share.toFixed(DIGITS);
  return `${share.toFixed(DIGITS)} (${range(interval, (value) => value.toFixed(DIGITS))}, ${levelText(interval)})`;
}

function levelText({ level }: Range): string {
  return `${(100 * level).toFixed(0)} %`;
}

export function describeCompare(command: Command): Command {
  command
    .description("Compare two models on the same data, for example two quantisations or two heads.")
    .argument("<first>", 'GGUF file, hf:OWNER/NAME/FILE.gguf, or "tiny" for the demonstration model')
    .argument("<second>", "the same; or the same model, with another head")
    .argument("[others...]", "instead of models: two or more reports that eval --output wrote");
  addDataOptions(command, { many: false });
  addSampleOptions(command);
  command.addOption(
    new Option("--benchmark <name>", "format of the data; without --input, the benchmark's own data set")
      .choices(benchmarkNames)
      .default("pairs" satisfies BenchmarkName),
  );
  command
    .optionsGroup("Model:")
    .option("--head-a <file>", "head file used instead of the first model's own head")
    .option("--head-b <file>", "head file used instead of the second model's own head")
    .option("--foreign-head", "accept a head fitted to another model; its scores may mean nothing");
  addTokenOptions(command);
  command
    .optionsGroup("Output:")
    .option("-o, --output <folder>", "of reports: write comparison.html and comparison.json there; replaces older ones")
    .option("--json", "print the result as JSON");
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Rows of --input: {"prompt", "chosen", "rejected"} or {"prompt", "responses", "ranks"}. With {"prompt", "responses"} no order
is known, and the models are only compared with each other.

"Same order" is the share of response pairs, per prompt, that both models order the same way. Scores may shift from prompt to
prompt without harm: rankings depend only on margins, the differences between responses to one prompt. Differences of
accuracies and of official scores are the second's minus the first's on the same prompts; McNemar's p tells how often equally accurate
models differ this much.

Reports are compared by the cases that all of them have; scores.jsonl must be beside each report. Official scores come first, where
the benchmark has one, then accuracies, and the differences of both to the first report. Of two reports, the page lists the cases that
only one of the models gets right.

Examples:
  starling-rm compare rm.q8_0.gguf rm.q4_k_m.gguf --input preferences.jsonl
  starling-rm compare rm.gguf rm.gguf --head-b mine.gguf --input preferences.jsonl
  starling-rm compare rm.f16.gguf rm.q4_k_m.gguf --benchmark human --limit 200 --json
  starling-rm compare report-a/report.json report-b/report.json report-c/report.json --output comparison`;

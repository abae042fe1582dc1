/** `starling-rm estimate` */
import { type Command, InvalidArgumentError } from "commander";
import { loadTokenizer } from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { type EstimateReport, estimateText } from "./estimate-text.ts";
import { addFieldOptions, type FieldOptions, IGNORE_FIELD } from "./field-options.ts";
import { type CountedRow, type EstimateRate, loadEstimator, type TokenCount } from "./library.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  loadModel,
  type ModelOptions,
  modelPath,
  tokenSettings,
} from "./model-option.ts";
import { collect, wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";
import { progressText } from "./progress-bar.ts";
import { openRows, type RowSource } from "./row-options.ts";

interface EstimateOptions extends FieldOptions, ModelOptions, EngineOptions {
  readonly input: readonly string[];
  readonly ignoreField?: readonly string[];
  readonly strict?: true;
  readonly sample?: number;
  readonly machine?: string;
  readonly rate?: number;
  /** In hours. */
  readonly deadline?: number;
  readonly pricePerHour?: number;
  readonly json?: true;
}

type Estimator = Awaited<ReturnType<typeof loadEstimator>>;

export const estimate: Action<EstimateOptions> = async (options, context) => {
  const { machine, rate, sample, json } = options;
  const { terminal } = context;
  if (machine !== undefined && rate !== undefined) throw new UsageError("give --machine or --rate, not both");
  const source = await openRows(options, async () => [], context);
  try {
    const path = await modelPath(options, context);
    const estimator = await loadEstimator();
    const file = await estimator.readModelFile(path);
    // Before anything takes time.
    const derived = machine === undefined ? undefined : estimator.derivedRate(machine, file);
    const isMeasured = machine === undefined && rate === undefined;
    const kept = isMeasured ? new estimator.MeasurementRows() : undefined;
    const count = await countRows(estimator, source, path, { ...options, kept }, context);
    if (count.rows === 0) terminal.note(source.noRows);
    const found: EstimateRate | undefined =
      derived !== undefined
        ? { source: "derived", ...derived }
        : rate !== undefined
          ? { source: "given", tokensPerSecond: rate }
          : await measured(estimator, path, kept?.blocks() ?? [], options, context);
    const plan = estimator.planRun(count, found, options);
    const model = { path, name: file.name, weightType: file.fileType, parameters: file.parameters };
    const report: EstimateReport = { model, ...plan };
    await (await openOutput()).write(json ? `${JSON.stringify(report)}\n` : estimateText(report));
    if (plan.sample !== undefined && !json)
      terminal.note("note: prompts that meet only in different blocks of the sample count as computed each time");
    if (sample !== undefined && plan.sample === undefined && count.rows > 0)
      terminal.note(`note: all rows were counted: there are no more than --sample ${sample}`);
    return EXIT_DONE;
  } finally {
    source.close();
  }
};

async function countRows(
  { countTokens }: Estimator,
  source: RowSource,
  path: string,
  { kept, ...options }: EstimateOptions & { readonly kept: { offer(row: CountedRow): void } | undefined },
  { terminal, signal }: CommandContext,
): Promise<TokenCount> {
  const tokenizer = await loadTokenizer({ modelPath: path, ...tokenSettings(options), signal });
  const started = performance.now();
  let [rows, fraction] = [0, undefined as number | undefined];
  terminal.showStatus((columns, isLine) => {
    const seconds = (performance.now() - started) / 1000;
    return progressText({ label: "counting", fraction, seconds, counts: { rows }, isLine }, columns);
  });
  try {
    return await countTokens(countedRows(source.rows), tokenizer, {
      sample: options.sample,
      share: options.prefixSharing,
      strict: options.strict,
      keep: kept,
      signal,
      onRow(row) {
        rows += 1;
        fraction = (row as { fraction?: number }).fraction;
        terminal.redrawStatus();
      },
    });
  } finally {
    terminal.endStatus();
    tokenizer.close();
  }
}

async function* countedRows(rows: RowSource["rows"]): AsyncGenerator<CountedRow> {
  for await (const { where, items, error, fraction } of rows)
    yield { where, items, ...(error === undefined ? {} : { error }), ...(fraction === undefined ? {} : { fraction }) };
}

async function measured(
  { measureRate }: Estimator,
  path: string,
  blocks: readonly (readonly CountedRow[])[],
  options: EstimateOptions,
  context: CommandContext,
): Promise<EstimateRate | undefined> {
  if (blocks.length === 0) return undefined;
  const { terminal, signal } = context;
  const model = await loadModel(path, options, context);
  const started = performance.now();
  let fraction = 0;
  terminal.showStatus((columns) =>
    progressText({ label: "measuring", fraction, seconds: (performance.now() - started) / 1000 }, columns),
  );
  try {
    const rate = await measureRate(model, blocks, {
      share: options.prefixSharing !== false,
      signal,
      onFraction(done) {
        fraction = done;
        terminal.redrawStatus();
      },
    });
    return rate === undefined ? undefined : { source: "measured", ...rate };
  } finally {
    terminal.endStatus();
    await model.close();
  }
}

const DURATION_HOURS: Readonly<Record<string, number>> = { s: 1 / 3600, m: 1 / 60, min: 1 / 60, h: 1, d: 24 };
const MAX_HOURS = 1e6;

/** A parser for a duration: 12h, 90min, 2d. @returns hours */
function hours(text: string): number {
  const [, digits = "", unit = ""] = /^(\d*\.?\d+)\s*(s|m|min|h|d)$/i.exec(text.trim()) ?? [];
  const value = Number(digits) * (DURATION_HOURS[unit.toLowerCase()] ?? 0);
  if (digits === "" || value <= 0 || value > MAX_HOURS)
    throw new InvalidArgumentError("Expected a duration with its unit, such as 12h, 90min or 2d.");
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d*\.?\d+(?:e[+-]?\d+)?$/i.test(text) || !(value > 0) || value > 1e12)
    throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

const MAX_SAMPLE = 1_000_000;

export function describeEstimate(command: Command): Command {
  command
    .description("Estimate what scoring takes: rows, tokens, hours, machines and cost.")
    .optionsGroup("Input:")
    .requiredOption(
      "-i, --input <files...>",
      'JSON lines, JSON, CSV, TSV or parquet, also .gz, .zst and .xz; folders, "*.jsonl", hf:OWNER/NAME, "-" for standard input',
      collect,
    );
  addFieldOptions(command)
    .option("--ignore-field <name>", IGNORE_FIELD, collect)
    .option("--strict", "treat warnings as errors")
    .option("--sample <rows>", "count the tokens of about so many rows, and scale up", wholeNumber(1, MAX_SAMPLE));
  addModelOptions(command, { head: false });
  command
    .optionsGroup("Plan:")
    .option("--rate <tokens>", "tokens per second of a machine, measured by you", positive)
    .option("--machine <name>", 'a machine whose rate was published, such as "M3 Max"')
    .option("--deadline <time>", "how many machines are done by then: 12h, 90min, 2d", hours)
    .option("--price-per-hour <price>", "of a machine, in any currency", positive)
    .option("--json", "print the result as JSON");
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Reads the rows as score does and counts their tokens with the model's tokenizer; weights are not loaded for that. "computed" are the
tokens that take time: shared prefixes, such as a prompt with several responses, are computed once where the texts wait together.

The rate is --rate, or one derived from published measurements (--machine; what it was derived from is printed), or measured here: the
model is loaded and scores slices of the data. Reading and tokenisation run beside it. Loading the model does not count.

Exit codes: 0 success (also if rows would fail, which are reported), 2 usage error or failure.

Examples:
  starling-rm estimate --model tiny --input pairs.jsonl
  starling-rm estimate --model rm.gguf --input answers.csv --rate 420 --deadline 12h --price-per-hour 0.5
  starling-rm estimate --model rm.gguf --input pairs.jsonl.gz --machine "M3 Max" --sample 10000 --json`;

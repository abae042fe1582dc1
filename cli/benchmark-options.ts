/** Options for the data a model is judged by, shared by eval, compare and fit. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type BenchmarkName, type BenchmarkRequest, benchmarks, preferenceAdapters } from "../src/entry/eval.ts";
import { UsageError } from "./errors.ts";
import { addFieldOptions, type FieldOptions, fieldMapping, IGNORE_FIELD } from "./field-options.ts";
import { pathIdentity } from "./file-identity.ts";
import { adapterNamed, benchmarkNames, MAX_SAMPLE_ROWS, MAX_SEED } from "./library.ts";
import { given } from "./model-option.ts";
import { collect, wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";

export interface DataOptions extends FieldOptions {
  readonly input?: readonly string[];
  readonly strict?: true;
  readonly ignoreField?: readonly string[];
  readonly differentPrompts?: "refuse" | "allow";
  readonly adapter?: string;
}

export interface SampleOptions extends DataOptions {
  readonly limit?: number | "all";
  readonly seed?: number;
  /** --no-cache */
  readonly cache: boolean;
}

/** The three of the model card's table. */
export const CARD: readonly BenchmarkName[] = ["human", "truth", "safety"];
export const ALL = "all";

/** {@link addSampleOptions} by the library's names, without inputs and --strict. */
export function sampleSettings({ limit, seed, cache }: SampleOptions) {
  return { ...given({ limit, seed }), ...(cache ? {} : { cacheFolder: false as const }) };
}

/** A parser for the names of benchmarks. */
export function benchmarkValue(name: string, before: readonly string[] | undefined): string[] {
  if (name !== ALL && !benchmarkNames.includes(name as BenchmarkName))
    throw new InvalidArgumentError(`Expected one of ${[...benchmarkNames, ALL].join(", ")}.`);
  return [...(before ?? []), name];
}

/** Which benchmarks, and which inputs each of them gets. */
export function requestsOf(
  names: readonly string[],
  { input: inputs = [], field, inputFormat, adapter }: DataOptions,
): BenchmarkRequest[] {
  const reading = {
    ...(field === undefined ? {} : { fields: fieldMapping(field) }),
    ...(inputFormat === undefined ? {} : { format: inputFormat }),
  };
  if (inputs.filter((input) => input === "-" || input.endsWith("=-")).length > 1)
    throw new UsageError("standard input is given twice, but it can be read only once");
  const chosen = [...new Set(names.flatMap((name) => (name === ALL ? CARD : [name as BenchmarkName])))];
  if (adapter !== undefined) checkAdapter(adapter, chosen);
  const inputsOf = new Map<BenchmarkName, string[]>(chosen.map((name) => [name, []]));
  for (const input of inputs) {
    if (input === "") throw new UsageError("--input is empty; expected a file name or hf:OWNER/NAME");
    const [, prefix, rest] = /^([a-z0-9]+)=(.+)$/s.exec(input) ?? [];
    const named = benchmarkNames.find((name) => name === prefix);
    const [only] = chosen;
    if (named === undefined && chosen.length !== 1)
      throw new UsageError(
        `--input ${input} does not name its benchmark; with several, write --input ${only}=${input}`,
      );
    const list = inputsOf.get(named ?? (only as BenchmarkName));
    if (list === undefined) throw new UsageError(`--input ${input}: ${named} is not one of the benchmarks to run`);
    list.push(named === undefined ? input : (rest as string));
  }
  return chosen.map((benchmark) => {
    const list = inputsOf.get(benchmark) ?? [];
    if (list.length === 0 && benchmarks[benchmark].source === undefined)
      throw new UsageError(
        `${benchmark} has no data set of its own: give --input ${benchmarks[benchmark].published ?? "FILE"}`,
      );
    const named = adapter === undefined || benchmark !== "pairs" ? {} : { adapter };
    return { benchmark, ...reading, ...named, ...(list.length === 0 ? {} : { inputs: list }) };
  });
}

/** The only request, of a command that takes one benchmark. */
export function requestOf(name: BenchmarkName, options: DataOptions): BenchmarkRequest {
  return requestsOf([name], options)[0] as BenchmarkRequest;
}

/** A report must not replace its own input. */
export async function refuseReplacingInput(
  files: readonly string[],
  requests: readonly BenchmarkRequest[],
): Promise<void> {
  const inputs = await Promise.all(requests.flatMap(({ inputs = [] }) => inputs.map(pathIdentity)));
  for (const file of files) {
    const identity = await pathIdentity(file);
    if (identity !== undefined && inputs.includes(identity))
      throw new UsageError(`the report would replace its input ${file}: choose another --output folder`);
  }
}

function checkAdapter(adapter: string, chosen: readonly BenchmarkName[]): void {
  if (!chosen.includes("pairs"))
    throw new UsageError("--adapter says how the data of pairs is read; the other benchmarks have their own");
  adapterNamed(adapter);
}

/** @returns whether `--adapter list` asked for the names, which are printed then */
export async function printsAdapters({ adapter }: DataOptions): Promise<boolean> {
  if (adapter !== "list") return false;
  await (await openOutput()).write(adapterList());
  return true;
}

function adapterList(): string {
  const width = Math.max(...preferenceAdapters.map(({ name }) => name.length));
  const lines = preferenceAdapters.map(({ name, title, compared }) => `${name.padEnd(width)}  ${title}: ${compared}\n`);
  return `${lines.join("")}two-responses:FIRST..SECOND  a label on a scale: FIRST means the first response, SECOND the second (0..1, -1..1, 1..7); also helpsteer2:1..7\ntwo-responses:FIRST,SECOND,TIE  a label of three codes (0,1,2 or 1,2,0)\n`;
}

export function addDataOptions(command: Command, { many }: { many: boolean }): Command {
  command
    .optionsGroup("Data:")
    .option(
      `-i, --input <${many ? "[benchmark=]" : ""}file>`,
      'data: JSON lines, JSON, CSV, TSV or parquet, also .gz, .zst and .xz; folders, "*.jsonl", hf:OWNER/NAME, "-" (repeatable)',
      collect,
    );
  return addFieldOptions(command)
    .option(
      "--adapter <name>",
      'how the rows of pairs are laid out (default: found from the columns); "list" lists the names',
    )
    .option("--strict", "stop at the first failed row, and treat warnings as errors")
    .option("--ignore-field <name>", IGNORE_FIELD, collect)
    .addOption(
      new Option("--different-prompts <what>", "what to do with pairs whose conversations differ before the last turn")
        .choices(["refuse", "allow"])
        .default("refuse"),
    );
}

export function addSampleOptions(command: Command): Command {
  return command
    .option(
      "--limit <n>",
      'prompts to sample from each benchmark, or "all" (default: 1000; rewardbench, rewardbench2, rmbench and ppe: all)',
      limitValue,
    )
    .option("--seed <n>", "seed of the sample (default: 0)", wholeNumber(0, MAX_SEED))
    .option("--no-cache", "neither read nor write the score cache");
}

const limitNumber = wholeNumber(1, MAX_SAMPLE_ROWS);

function limitValue(text: string): number | "all" {
  if (text === "all") return text;
  try {
    return limitNumber(text);
  } catch {
    throw new InvalidArgumentError(`Expected "all" or a whole number from 1 to ${MAX_SAMPLE_ROWS}.`);
  }
}

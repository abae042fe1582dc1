/** The options that say what a model is to be judged by, shared by eval, compare and fit. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { MAX_SAMPLE_ROWS, MAX_SEED } from "../src/bounds.ts";
import { type BenchmarkName, type BenchmarkRequest, benchmarkNames, benchmarks } from "../src/index.ts";
import { UsageError } from "./errors.ts";
import { given } from "./model-option.ts";
import { collect, wholeNumber } from "./option-values.ts";
import { IGNORE_FIELD } from "./row-options.ts";

export interface DataOptions {
  readonly input?: readonly string[];
  readonly strict?: true;
  readonly ignoreField?: readonly string[];
  readonly differentPrompts?: "refuse" | "allow";
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

/** The library's bounds. */

/** The library's names for the options of {@link addSampleOptions}, but for inputs and --strict. */
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
export function requestsOf(names: readonly string[], inputs: readonly string[] = []): BenchmarkRequest[] {
  const chosen = [...new Set(names.flatMap((name) => (name === ALL ? CARD : [name as BenchmarkName])))];
  const inputsOf = new Map<BenchmarkName, string[]>(chosen.map((name) => [name, []]));
  for (const input of inputs) {
    if (input === "") throw new UsageError("--input is empty: give the name of a file, or hf:OWNER/NAME");
    if (input === "-")
      throw new UsageError("--input -: standard input can only be read once; write it to a file first");
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

export function addDataOptions(command: Command, { many }: { many: boolean }): Command {
  return command
    .option(
      `-i, --input <${many ? "[benchmark=]" : ""}file>`,
      "data: parquet, JSON lines, JSON or CSV, also .gz and .zst, or hf:OWNER/NAME (repeatable)",
      collect,
    )
    .option("--strict", "stop at the first row that cannot be understood or scored, or that a warning is about")
    .option("--ignore-field <name>", IGNORE_FIELD, collect)
    .addOption(
      new Option("--different-prompts <what>", "chosen and rejected conversations that differ before their last turn")
        .choices(["refuse", "allow"])
        .default("refuse"),
    );
}

export function addSampleOptions(command: Command): Command {
  return command
    .option("--limit <n>", 'most prompts of each benchmark, drawn at random, or "all" (default: 1000)', limitValue)
    .option("--seed <n>", "of that sample (default: 0)", wholeNumber(0, MAX_SEED))
    .option("--no-cache", "neither use nor keep the scores of other runs");
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

/** `eval` over a folder, one result for each file. */
import type { BenchmarkRequest } from "../../src/entry/eval.ts";
import type { SampleOptions } from "../benchmark-options.ts";
import type { CommandContext } from "../context.ts";
import { UsageError } from "../errors.ts";
import { modelPath } from "../model-option.ts";
import { checkPartitions } from "./check.ts";
import { EvalWork, type EvalWorkOptions, evalOutputName } from "./eval-work.ts";
import { listPartitions } from "./list.ts";
import { nameOf } from "./options.ts";
import { type PartitionedOptions, runPartitions } from "./run-partitions.ts";

export type EvalPartitionOptions = PartitionedOptions &
  EvalWorkOptions &
  SampleOptions & {
    readonly json?: true;
    readonly by?: readonly string[];
    readonly modelField?: readonly string[];
    readonly paraphrases?: string;
  };

/** @returns the exit code */
export async function evalPartitions(
  requests: readonly BenchmarkRequest[],
  options: EvalPartitionOptions,
  context: CommandContext,
): Promise<number> {
  const [request, another] = requests;
  if (request === undefined || another !== undefined)
    throw new UsageError(`${nameOf(options)} takes one benchmark: each needs a folder of its own`);
  const { limit = "all" } = options;
  if (limit !== "all")
    throw new UsageError(
      `--limit ${limit} draws a sample of all files, which cannot be cut into partitions: leave it out, or evaluate without ` +
        nameOf(options),
    );
  for (const [option, value] of [
    ["--by", options.by],
    ["--model-field", options.modelField],
    ["--paraphrases", options.paraphrases],
  ] as const)
    if (value !== undefined)
      throw new UsageError(`${option} needs all rows in one run: evaluate without ${nameOf(options)}`);
  const input = request.inputs;
  const planned = { ...options, ...(input === undefined ? {} : { input }) };
  if (options.check) return checkPartitions(planned, `eval ${request.benchmark}`, context);
  if (input === undefined)
    throw new UsageError(`${nameOf(options)} needs --input: files that can be cut into partitions`);
  if (options.json) throw new UsageError("--json prints the report on all files, which --check makes");
  if (options.list) return listPartitions(planned, evalOutputName, context);
  let path: Promise<string> | undefined;
  const findModel = () => {
    path ??= modelPath(options, context);
    return path;
  };
  return runPartitions(new EvalWork(request, options, context, findModel), planned, findModel, context);
}

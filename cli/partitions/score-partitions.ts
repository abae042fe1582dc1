/** `score` and `rank` over a folder. */
import type { CommandContext } from "../context.ts";
import { type ModelOptions, modelPath } from "../model-option.ts";
import { checkPartitions } from "./check.ts";
import { listPartitions } from "./list.ts";
import { type PartitionedOptions, runPartitions } from "./run-partitions.ts";
import { ScoreWork, type ScoringKind, type ScoringWorkOptions } from "./score-work.ts";

export type { ScoringKind };

/** @returns the exit code */
export async function scorePartitions(
  kind: ScoringKind,
  options: PartitionedOptions & ScoringWorkOptions & ModelOptions,
  context: CommandContext,
): Promise<number> {
  if (options.check) return checkPartitions(options, kind.command, context);
  let path: Promise<string> | undefined;
  const findModel = () => {
    path ??= modelPath(options, context);
    return path;
  };
  const work = new ScoreWork(kind, options, context, findModel);
  if (options.list) return listPartitions(options, (name) => work.outputName(name), context);
  return runPartitions(work, options, findModel, context);
}

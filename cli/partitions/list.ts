/** --list: the partitions, and what there is of each. */
import type { CommandContext } from "../context.ts";
import { EXIT_DONE } from "../errors.ts";
import type { EngineOptions } from "../model-option.ts";
import { openOutput } from "../output.ts";
import { safeJson } from "../output-formats.ts";
import { difference, unmetDemand } from "./partition-run.ts";
import { type PlanOptions, planPartitions } from "./plan.ts";

/**
 * A JSON line for each: "missing", "torn", "whole", "changed" (another version of the input), or "other" (not of the run that the
 * folder belongs to, or not as exact as is asked for). @returns the exit code
 */
export async function listPartitions(
  options: PlanOptions & EngineOptions,
  outputName: (partition: string) => string,
  context: CommandContext,
): Promise<number> {
  const { folder, own } = await planPartitions(options, outputName, context);
  const run = await folder.run();
  const output = await openOutput();
  for (const partition of own) {
    context.signal.throwIfAborted();
    const state = await folder.stateOf(partition, { signal: context.signal });
    const manifest = "manifest" in state ? state.manifest : undefined;
    const other = manifest && ((run == null ? undefined : difference(manifest, run)) ?? unmetDemand(manifest, options));
    const isOther = state.status === "newer" || other !== undefined;
    const line = { partition: partition.name, bytes: partition.bytes, status: isOther ? "other" : state.status };
    await output.write(`${safeJson(JSON.stringify(line))}\n`);
  }
  return EXIT_DONE;
}

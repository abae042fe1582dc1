/** Which files are partitions, and where their outputs go. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { TEXT_OPTIONS } from "../argument-rows.ts";
import type { CommandContext } from "../context.ts";
import { shownDownload } from "../download-status.ts";
import { UsageError } from "../errors.ts";
import { fieldMapping } from "../field-options.ts";
import { pathIdentity } from "../file-identity.ts";
import { findPartitions, isManifestName, PartitionFolder, type PlacedPartition, RUN_FILE } from "../library.ts";
import { checkInputs, type InputOptions } from "../row-options.ts";
import type { PartitionOptions, Shard } from "./options.ts";

export interface Plan {
  readonly folder: PartitionFolder;
  readonly all: readonly PlacedPartition[];
  /** Those of this shard. */
  readonly own: readonly PlacedPartition[];
}

export type PlanOptions = PartitionOptions & InputOptions & { readonly output?: string };

/** @throws UsageError where the outputs would not be one for each input; FileError for inputs that are not there */
export async function planPartitions(
  { input, output = "", shard, ...options }: PlanOptions,
  outputName: (partition: string) => string,
  { terminal, signal }: CommandContext,
): Promise<Plan> {
  if (TEXT_OPTIONS.some((name) => options[name] !== undefined) || input === undefined)
    throw new UsageError(`--output ${output} is a folder, which takes one output for each file of --input`);
  checkInputs(input);
  if (input.includes("-"))
    throw new UsageError(`--output ${output} is a folder, which needs files with names; standard input has none`);
  fieldMapping(options.field);
  const there = await stat(output).catch(() => undefined);
  if (there !== undefined && !there.isDirectory())
    throw new UsageError(`--output ${output}: expected a folder for one output per input file, but it is a file`);
  const find = (onProgress?: Parameters<Parameters<typeof shownDownload>[1]>[0]) =>
    findPartitions(input, { except: output, signal, ...(onProgress === undefined ? {} : { onProgress }) });
  const found = input.some((one) => one.startsWith("hf:")) ? await shownDownload(terminal, find) : await find();
  if (found.length === 0)
    throw new UsageError(`--input ${input.join(" ")}: all its files are below --output ${output}`);
  const folder = new PartitionFolder(output);
  const all = found.map((partition) => ({ ...partition, output: outputName(partition.name) }));
  await checkOutputs(folder, all);
  return { folder, all, own: shareOf(all, shard) };
}

/** Neighbours go to different shards: files of one folder are often of one size. */
function shareOf(all: readonly PlacedPartition[], shard: Shard | undefined): readonly PlacedPartition[] {
  return shard === undefined ? all : all.filter((_, i) => i % shard.count === shard.index - 1);
}

async function checkOutputs(folder: PartitionFolder, all: readonly PlacedPartition[]): Promise<void> {
  const ignoresCase = process.platform === "win32" || process.platform === "darwin";
  const byOutput = new Map<string, PlacedPartition>();
  const inputs = new Map<string, string>();
  for (const { file, path } of all) {
    const identity = await pathIdentity(path);
    if (identity !== undefined) inputs.set(identity, file);
  }
  for (const partition of all) {
    const { output, file } = partition;
    const last = output.slice(output.lastIndexOf("/") + 1);
    if (isManifestName(last) || last === RUN_FILE)
      throw new UsageError(`${file}: its output would have the name ${last}, which the folder keeps for itself`);
    const key = ignoresCase ? output.toLowerCase() : output;
    const other = byOutput.get(key);
    if (other !== undefined && resolve(other.path) === resolve(partition.path))
      throw new UsageError(`${file} is given twice in --input`);
    if (other !== undefined)
      throw new UsageError(
        `${other.file} and ${file} would have the same output ${output}: give their common folder, or a quoted pattern`,
      );
    byOutput.set(key, partition);
    const identity = await pathIdentity(folder.outputPath(partition));
    const input = identity === undefined ? undefined : inputs.get(identity);
    if (input !== undefined)
      throw new UsageError(`the output of ${file} would replace the input ${input}: choose another --output folder`);
  }
}

/** Options of work that is cut into partitions: one output for each input file. */
import { stat } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { TEXT_OPTIONS, type TextArguments } from "../argument-rows.ts";
import { UsageError } from "../errors.ts";

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

export interface PartitionOptions {
  readonly shard?: Shard;
  /** True: all of them; "-": those that standard input names. */
  readonly partitions?: true | "-";
  readonly list?: true;
  readonly check?: true;
}

/** --output of a command that can also write to a folder. */
export const PARTITIONED_OUTPUT =
  "file, pipe or device to write (default: standard output), or a folder for one output per input file";

/** Far more processes than any cluster starts for one folder. */
const MAX_SHARDS = 1_000_000;

export function addPartitionOptions(command: Command): Command {
  return command
    .optionsGroup("Partitions (one output per input file, when --output is a folder):")
    .option("--shard <i/n>", "do the i-th of n shares of the files, from 1/n to n/n", shardValue)
    .addOption(
      new Option("--partitions [-]", '"-": do the files that standard input names, as a worker; otherwise all files')
        .argParser(partitionsValue)
        .conflicts("shard"),
    )
    .addOption(new Option("--list", "list the files and what there is of them, as JSON lines").conflicts("partitions"))
    .addOption(
      new Option("--check", "verify the folder, and add up its manifests").conflicts(["list", "partitions", "shard"]),
    );
}

function shardValue(text: string): Shard {
  const [, index = "", count = ""] = /^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (index === "" || shard.count < 1 || shard.count > MAX_SHARDS || shard.index < 1 || shard.index > shard.count)
    throw new InvalidArgumentError("Expected I/N with I from 1 to N, such as 1/4.");
  return shard;
}

function partitionsValue(text: string): "-" {
  if (text === "-") return text;
  throw new InvalidArgumentError('Expected "-", for standard input, or nothing.');
}

/** Whether an option asks for partitions, whatever the output is. */
export function asksForPartitions({ shard, partitions, list, check }: PartitionOptions): boolean {
  return shard !== undefined || partitions !== undefined || list === true || check === true;
}

/**
 * Whether the work is cut into partitions: the output is a folder, or has a name that only a folder has.
 *
 * @throws UsageError for options that contradict that
 */
export async function isPartitioned(
  options: PartitionOptions & TextArguments & { readonly output?: string },
): Promise<boolean> {
  const { output = "" } = options;
  if (asksForPartitions(options)) {
    if (output === "" || output === "-") throw new UsageError(`${nameOf(options)} needs --output FOLDER`);
    return true;
  }
  if (TEXT_OPTIONS.some((name) => options[name] !== undefined)) return false;
  if (/[/\\]$/.test(output) && (output.endsWith("/") || process.platform === "win32")) return true;
  return (await stat(output).catch(() => undefined))?.isDirectory() === true;
}

/** The option that asked for partitions. */
export function nameOf({ shard, partitions, list }: PartitionOptions): string {
  if (shard !== undefined) return "--shard";
  if (partitions !== undefined) return "--partitions";
  return list === true ? "--list" : "--check";
}

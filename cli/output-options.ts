/** Options for where results go and in what form. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { REPLACE } from "./option-values.ts";
import type { Terminal } from "./terminal.ts";

export type FormatName = "table" | "jsonl" | "json" | "csv" | "tsv";
const formatNames: readonly FormatName[] = ["table", "jsonl", "json", "csv", "tsv"];

export interface OutputOptions {
  readonly output?: string;
  readonly force?: true;
  readonly format?: FormatName;
  readonly json?: true;
  readonly fields?: readonly string[];
}

export function addOutputOption(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("-o, --output <file>", "file, pipe or device to write (default: standard output)")
    .option("--force", REPLACE);
}

export function addFormatOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .addOption(
      new Option(
        "-f, --format <format>",
        "output format (default: by the name of the output, else a table on a terminal and jsonl elsewhere)",
      ).choices(formatNames),
    )
    .addOption(new Option("--json", "short for --format json: one array").conflicts("format"));
}

export function addFieldsOption(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--fields <names>", "write only these fields, in this order: a,b,score (repeatable)", fieldNames);
}

function fieldNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("Expected names of fields with commas between them.");
  const all = [...before, ...names];
  const repeated = all.find((name, i) => all.indexOf(name) !== i);
  if (repeated !== undefined) throw new InvalidArgumentError(`It names "${repeated}" twice.`);
  return all;
}

/** By file name. */
const ENDINGS: readonly (readonly [RegExp, FormatName])[] = [
  [/\.(?:jsonl|ndjson)$/i, "jsonl"],
  [/\.json$/i, "json"],
  [/\.csv$/i, "csv"],
  [/\.tsv$/i, "tsv"],
];

export function chooseFormat({ format, json, output }: OutputOptions, terminal: Terminal): FormatName {
  if (json) return "json";
  if (format) return format;
  if (output !== undefined && output !== "-") return ENDINGS.find(([ending]) => ending.test(output))?.[1] ?? "jsonl";
  return terminal.isTerminal("stdout") ? "table" : "jsonl";
}

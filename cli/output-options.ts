/** Options for where results go and in what form. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { UsageError } from "./errors.ts";
import { lastEnding } from "./name-ending.ts";
import { REPLACE } from "./option-values.ts";
import type { Terminal } from "./terminal.ts";

/** Formats that the name of an output chooses. */
export const WRITTEN_FORMATS = ["jsonl", "json", "csv", "tsv", "parquet"] as const;
export type FormatName = "table" | (typeof WRITTEN_FORMATS)[number];
export type Compression = "gzip" | "zstd";
/** Compressions, by the last ending of a name. */
const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  ["gz", "gzip"],
  ["zst", "zstd"],
]);
export const WRITTEN_COMPRESSIONS: readonly string[] = [...COMPRESSIONS.keys()];
const formatNames: readonly FormatName[] = ["table", ...WRITTEN_FORMATS];

export interface OutputOptions {
  readonly output?: string;
  readonly force?: true;
  readonly format?: FormatName;
  readonly json?: true;
  readonly fields?: readonly string[];
  readonly resume?: true;
}

/** How results are written. */
export interface OutputForm {
  readonly format: FormatName;
  /** Of a file, by its name. */
  readonly compression: Compression | undefined;
  /** Columns have to be known before the first row. */
  readonly isTable: boolean;
  /** Cells hold one value: a row with several responses becomes several. */
  readonly isFlat: boolean;
  /** The output can only be made when all rows are known. */
  readonly held: boolean;
}

export function addOutputOption(
  command: Command,
  output = "file, pipe or device to write (default: standard output)",
): Command {
  return command
    .optionsGroup("Output:")
    .option("-o, --output <file>", output)
    .addOption(new Option("--resume", RESUME).conflicts("force"))
    .option("--force", REPLACE);
}

const RESUME = "continue the output of an earlier run of the same command that was interrupted";

export function addFormatOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .addOption(
      new Option(
        "-f, --format <format>",
        "output format (default: from the extension of --output, else a table on a terminal and jsonl elsewhere)",
      ).choices(formatNames),
    )
    .addOption(new Option("--json", "same as --format json: one array").conflicts("format"));
}

export function addFieldsOption(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--fields <names>", "write only these fields, in this order: a,b,score (repeatable)", fieldNames);
}

/** A parser for names separated by commas. */
export function fieldNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("Expected field names separated by commas.");
  const all = [...before, ...names];
  const repeated = all.find((name, i) => all.indexOf(name) !== i);
  if (repeated !== undefined) throw new InvalidArgumentError(`"${repeated}" is repeated.`);
  return all;
}

/** By file name. */
/** What the name of an output chooses. */
function chosenByName(name: string): { format: FormatName; compression: Compression | undefined } {
  const last = lastEnding(name);
  const compression = COMPRESSIONS.get(last.kind);
  const { kind } = compression === undefined ? last : lastEnding(last.rest);
  return { format: WRITTEN_FORMATS.find((format) => format === kind) ?? "jsonl", compression };
}

export function chooseFormat({ format, json, output, fields }: OutputOptions, terminal: Terminal): FormatName {
  if (json) return "json";
  if (format) return format;
  if (isNamed(output)) return chosenByName(output).format;
  // A table has columns of its own.
  return terminal.isTerminal("stdout") && fields === undefined ? "table" : "jsonl";
}

/** @param isRegular whether the output is a regular file, there or not */
export function outputForm(
  options: OutputOptions,
  terminal: Terminal,
  choosesRows: boolean,
  isRegular: boolean,
): OutputForm {
  const format = chooseFormat(options, terminal);
  const isFlat = format === "csv" || format === "tsv";
  const isParquet = format === "parquet";
  const compression = isRegular ? chosenByName(options.output ?? "").compression : undefined;
  if (format === "table" && compression !== undefined)
    throw new UsageError("a table cannot be compressed: choose another --format, or remove the extension .gz or .zst");
  if (format === "table" && options.fields !== undefined)
    throw new UsageError("--fields does not apply to a table: choose another --format");
  if (format === "table" && options.resume)
    throw new UsageError("--resume cannot continue a table: choose another --format");
  if (isParquet && !isRegular) throw new UsageError("parquet needs --output FILE");
  if (isParquet && compression !== undefined)
    throw new UsageError("parquet is already compressed: remove the extension .gz or .zst");
  const held = choosesRows || (isRegular && (compression !== undefined || isFlat || isParquet));
  return { format, compression, isTable: isFlat || isParquet, isFlat, held };
}

export function isNamed(output: string | undefined): output is string {
  return output !== undefined && output !== "-";
}

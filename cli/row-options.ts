/** Options for what to score and how to print it, and the rows behind them. */
import { type Command, Option } from "commander";
import { FileError, type ItemRules } from "../src/index.ts";
import type { TextArguments } from "./argument-rows.ts";
import { UsageError } from "./errors.ts";
import { type Input, openInput } from "./input.ts";
import { readJsonRows, WHO_READS_WHAT } from "./library.ts";
import { collect, REPLACE } from "./option-values.ts";
import { type FormatName, formatNames } from "./output-formats.ts";
import { type Row, replacedFields, toRow } from "./row.ts";
import type { Terminal } from "./terminal.ts";

export interface InputOptions extends Partial<TextArguments> {
  readonly input?: string;
  readonly ignoreField?: readonly string[];
  readonly strict?: true;
}

export interface OutputOptions {
  readonly output?: string;
  readonly force?: true;
  readonly format?: FormatName;
  readonly json?: true;
}

export interface RowSource {
  readonly name: string;
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
  /** The last row's `endOffset`, where it is known. */
  readonly total: number | undefined;
  readonly identity: string | undefined;
  close(): void;
}

export function addInputOptions(command: Command, { text }: { text: boolean }): Command {
  command.optionsGroup("Input:");
  if (text) command.option("-t, --text <text>", "text used as is, special tokens included (repeatable)", collect);
  return command
    .option("-p, --prompt <text>", `prompt${text ? " (repeatable)" : ""}`, collect)
    .option("-r, --response <text>", "response to the prompt (repeatable)", collect)
    .option("-i, --input <file>", 'file of JSON lines or JSON, or "-" for standard input')
    .option("--ignore-field <name>", IGNORE_FIELD, collect)
    .option("--strict", "treat warnings as errors");
}

export const IGNORE_FIELD = 'ignore this field of a row, such as "tools" (repeatable)';

export function addFormatOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .addOption(
      new Option("-f, --format <format>", "output format (default: table on a terminal, otherwise jsonl)").choices(
        formatNames,
      ),
    )
    .addOption(new Option("--json", "short for --format json: one array").conflicts("format"));
}

export function addOutputOption(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("-o, --output <file>", "file, pipe or device to write, row by row (default: standard output)")
    .option("--force", REPLACE);
}

/** @param fromArguments makes rows of --text, --prompt and --response */
export async function openRows(
  options: InputOptions,
  fromArguments: (texts: TextArguments) => Row[],
  terminal: Terminal,
): Promise<RowSource> {
  const { text = [], prompt = [], response = [] } = options;
  const texts: TextArguments = { text, prompt, response };
  const hasTexts = texts.text.length + texts.prompt.length + texts.response.length > 0;
  if (options.input === undefined) {
    if (!hasTexts)
      throw new UsageError('nothing to score: give --prompt and --response, or --input FILE ("-" for standard input)');
    return rowList(fromArguments(texts));
  }
  if (hasTexts) throw new UsageError("--input cannot be combined with --text, --prompt or --response");
  if (options.input === "") throw new UsageError('--input is empty; expected a file name, or "-" for standard input');
  const input = await openInput(options.input);
  return { ...input, rows: rowsOf(input, terminal, { ignoreFields: options.ignoreField }), total: input.totalBytes };
}

export function rowList(rows: readonly Row[]): RowSource {
  return { name: "the command line", rows, total: rows.length, identity: undefined, close() {} };
}

/** File names of tables, compressed or not. */
const TABLES = /\.(?:csv|tsv|parquet)(?:\.\w{1,4})?$/i;

async function* rowsOf(input: Input, terminal: Terminal, rules: ItemRules): AsyncGenerator<Row> {
  let index = 0;
  let reported = false;
  for await (const source of readJsonRows(input.chunks, input.name)) {
    if (index === 0 && "error" in source && TABLES.test(input.name) && source.error.code === "ERR_INVALID_JSON")
      throw new FileError("ERR_INVALID_JSON", `${input.name} is not JSON: ${WHO_READS_WHAT}.`, { file: input.name });
    const replaced = reported ? [] : replacedFields(source);
    if (replaced.length > 0) {
      reported = true;
      const names = replaced.map((name) => `"${name}"`).join(", ");
      terminal.say(`note: ${source.where}: the output's ${names} replaces the input's field (reported once)`);
    }
    yield toRow(source, index++, rules);
  }
}

export function chooseFormat({ format, json, output }: OutputOptions, terminal: Terminal): FormatName {
  if (json) return "json";
  if (format) return format;
  const toTerminal = (output === undefined || output === "-") && terminal.isTerminal("stdout");
  return toTerminal ? "table" : "jsonl";
}

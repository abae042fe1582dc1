/** Options for what to score, and the rows behind them. */
import type { Command } from "commander";
import { FileError, type ItemRules } from "../src/index.ts";
import type { TextArguments } from "./argument-rows.ts";
import { UsageError } from "./errors.ts";
import { type Input, openInput } from "./input.ts";
import { readJsonRows, WHO_READS_WHAT } from "./library.ts";
import { collect } from "./option-values.ts";
import { type Row, toRow } from "./row.ts";
import type { Terminal } from "./terminal.ts";

export interface InputOptions extends Partial<TextArguments> {
  readonly input?: string;
  readonly ignoreField?: readonly string[];
  readonly strict?: true;
}

export interface RowSource {
  readonly name: string;
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
  /** The last row's `endOffset`, where it is known. */
  readonly total: number | undefined;
  readonly identity: string | undefined;
  /** The files that are read, where they are files. */
  readonly files?: readonly string[];
  /** The rows are of the command line. */
  readonly isArguments?: true;
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

/** @param fromArguments makes rows of --text, --prompt and --response */
export async function openRows(
  options: InputOptions,
  fromArguments: (texts: TextArguments) => Row[],
  _terminal: Terminal,
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
  return {
    ...input,
    files: [options.input],
    rows: rowsOf(input, { ignoreFields: options.ignoreField }),
    total: input.totalBytes,
  };
}

export function rowList(rows: readonly Row[]): RowSource {
  return { name: "the command line", rows, total: rows.length, identity: undefined, isArguments: true, close() {} };
}

/** File names of tables, compressed or not. */
const TABLES = /\.(?:csv|tsv|parquet)(?:\.\w{1,4})?$/i;

async function* rowsOf(input: Input, rules: ItemRules): AsyncGenerator<Row> {
  let index = 0;
  for await (const source of readJsonRows(input.chunks, input.name)) {
    if (index === 0 && "error" in source && TABLES.test(input.name) && source.error.code === "ERR_INVALID_JSON")
      throw new FileError("ERR_INVALID_JSON", `${input.name} is not JSON: ${WHO_READS_WHAT}.`, { file: input.name });
    yield toRow(source, index++, rules);
  }
}

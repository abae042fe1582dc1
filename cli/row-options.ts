/** Options for what to score, and the rows behind them. */
import type { Command } from "commander";
import { TEXT_OPTIONS, type TextArguments } from "./argument-rows.ts";
import type { CommandContext } from "./context.ts";
import { shownDownload } from "./download-status.ts";
import { UsageError } from "./errors.ts";
import { addFieldOptions, type FieldOptions, fieldMapping, IGNORE_FIELD } from "./field-options.ts";
import { descriptorIdentity, pathIdentity } from "./file-identity.ts";
import { ItemSource } from "./library.ts";
import { collect } from "./option-values.ts";
import { type Row, toRow } from "./row.ts";

export interface InputOptions extends TextArguments, FieldOptions {
  readonly input?: readonly string[];
  readonly ignoreField?: readonly string[];
  readonly strict?: true;
}

export interface RowSource {
  readonly noRows: string;
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
  /** See file-identity.ts: of the files being read. */
  readonly identities: readonly (string | undefined)[];
  /** The files that are read, where they are files. */
  readonly files?: readonly string[];
  /** Rows may come late, as from a pipe. */
  readonly isStream?: boolean;
  readonly isOneFile?: boolean;
  /** The rows are of the command line. */
  readonly isArguments?: true;
  close(): void;
}

export function addInputOptions(command: Command, { text }: { text: boolean }): Command {
  command.optionsGroup("Input:");
  if (text) command.option("-t, --text <text>", "text used as is, special tokens included (repeatable)", collect);
  command
    .option("-p, --prompt <text>", `prompt${text ? " (repeatable)" : ""}`, collect)
    .option("-r, --response <text>", "response to the prompt (repeatable)", collect)
    .option("--responses-file <file>", "file of responses, one per line (repeatable)", collect)
    .option(
      "--messages <json>",
      `conversation, a JSON list of messages, in place of --prompt${text ? " (repeatable)" : ""}`,
      collect,
    )
    .option("--system <text>", "system turn before --prompt or --messages")
    .option(
      "-i, --input <files...>",
      'JSON lines, JSON, CSV, TSV or parquet, also .gz, .zst and .xz; folders, "*.jsonl", hf:OWNER/NAME, "-" for standard input',
      collect,
    );
  return addFieldOptions(command)
    .option("--ignore-field <name>", IGNORE_FIELD, collect)
    .option("--strict", "treat warnings as errors");
}

type FromArguments = (texts: TextArguments, say: (message: string) => void) => Promise<Row[]>;

/** @param many whether rows with several responses are wanted */
export async function openRows(
  options: InputOptions,
  fromArguments: FromArguments,
  { terminal, signal }: CommandContext,
  many = false,
): Promise<RowSource> {
  const hasTexts = TEXT_OPTIONS.some((name) => options[name] !== undefined);
  const mapping = fieldMapping(options.field);
  if (options.input === undefined) {
    if (!hasTexts)
      throw new UsageError('nothing to score: give --prompt and --response, or --input FILE ("-" for standard input)');
    return rowList(await fromArguments(options, (message) => terminal.note(message)));
  }
  if (hasTexts) throw new UsageError("--input cannot be combined with --text, --prompt, --messages or --response");
  const { input } = options;
  checkInputs(input);
  const settings = readSettings(options, many, (message) => terminal.note(`note: ${message}`), signal);
  const source = input.some((one) => one.startsWith("hf:"))
    ? await shownDownload(terminal, (onProgress) => ItemSource.open(input, mapping, { ...settings, onProgress }))
    : await ItemSource.open(input, mapping, settings);
  const paths = source.files.map(({ path }) => path);
  const identities = await Promise.all(
    paths.map((path) => (path === STANDARD_INPUT ? descriptorIdentity(STDIN) : pathIdentity(path))),
  );
  const files = paths.filter((path) => path !== STANDARD_INPUT);
  return {
    ...{ noRows: source.noRows, rows: rowsOf(source), identities, files },
    // Only a regular file has an identity.
    isStream: identities.includes(undefined),
    isOneFile: paths.length === 1,
    close: () => void source.close(),
  };
}

function readSettings(options: InputOptions, many: boolean, onNotice: (message: string) => void, signal: AbortSignal) {
  const { inputFormat: format, ignoreField: ignoreFields, strict = false } = options;
  return { many, signal, format, ignoreFields, strict, onNotice };
}

/** The rows of one regular file. */
export async function openFileRows(
  file: { readonly name: string; readonly path: string },
  options: InputOptions,
  { terminal, signal }: CommandContext,
  many: boolean,
): Promise<RowSource> {
  const settings = readSettings(options, many, (message) => terminal.note(`note: ${file.name}: ${message}`), signal);
  const source = await ItemSource.ofFile(file, fieldMapping(options.field), settings);
  return {
    ...{ noRows: source.noRows, rows: rowsOf(source), identities: [await pathIdentity(file.path)], files: [file.path] },
    isOneFile: true,
    close: () => void source.close(),
  };
}

const STANDARD_INPUT = "-";
const STDIN = 0;

/** @throws UsageError for an empty name, and for standard input twice */
export function checkInputs(inputs: readonly string[]): void {
  if (inputs.includes("")) throw new UsageError('--input is empty; expected a file name, or "-" for standard input');
  if (inputs.filter((input) => input === STANDARD_INPUT).length > 1)
    throw new UsageError("--input - is given twice, but standard input can be read only once");
}

export function rowList(rows: readonly Row[]): RowSource {
  const counted = rows.map((row, i) => ({ ...row, fraction: (i + 1) / rows.length }));
  return { noRows: "the command line has no rows", rows: counted, identities: [], isArguments: true, close() {} };
}

async function* rowsOf(source: ItemSource): AsyncGenerator<Row> {
  let index = 0;
  for await (const read of source.rows()) yield toRow(read, index++);
}

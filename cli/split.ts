/** `starling-rm split` */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Action, CommandContext } from "./context.ts";
import { counted, grouped } from "./counted.ts";
import { shownDownload } from "./download-status.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import {
  byteSize,
  findFiles,
  type InputFormat,
  inputFormats,
  loadSplitter,
  openInput,
  packageVersion,
  type SplitResult,
} from "./library.ts";
import { byteCount, wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";
import { progressText } from "./progress-bar.ts";

interface SplitCommandOptions {
  readonly input: string;
  readonly output: string;
  readonly rows?: number;
  readonly size?: number;
  readonly parts?: number;
  readonly keepTogether?: string;
  readonly inputFormat?: InputFormat;
  readonly force?: true;
  readonly json?: true;
}

const STANDARD_INPUT = "-";
const MAX_ROWS = 1e12;
const MAX_PARTS = 99_999;
const MAX_SIZE = 2 ** 50;

export const split: Action<SplitCommandOptions> = async (options, context) => {
  const { rows, size, parts, output, force, json, keepTogether } = options;
  const asked = [rows, size, parts].filter((value) => value !== undefined);
  if (asked.length !== 1) throw new UsageError("expected one of --rows, --size and --parts");
  if (output === "") throw new UsageError("--output is empty; expected the name of a folder");
  if (parts !== undefined && options.input === STANDARD_INPUT)
    throw new UsageError("--parts needs a file, which is read twice: with standard input, use --rows or --size");
  const { terminal, signal } = context;
  const file = await oneFile(options.input, context);
  if (file.path !== STANDARD_INPUT && (await isSameFolder(dirname(file.path), output)))
    throw new UsageError("--output is the folder of the input, whose rows would be there twice: choose another");
  const input = await openInput(file.path, file.name);
  // What waits for standard input ends with it.
  const onAbort = () => void input.close();
  signal.addEventListener("abort", onAbort, { once: true });
  const { splitRows } = await loadSplitter();
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  let fraction: number | undefined;
  terminal.showStatus((columns) => progressText({ label: "splitting", fraction, seconds: seconds() }, columns));
  let result: SplitResult;
  try {
    if (parts !== undefined && input.source === undefined)
      throw new UsageError("--parts needs a regular file, which is read twice: use --rows or --size");
    result = await splitRows(input, {
      output,
      size: rows !== undefined ? { rows } : size !== undefined ? { bytes: size } : { parts: parts as number },
      overwrite: force === true,
      format: options.inputFormat,
      together: keepTogether,
      createdBy: `starling-rm version ${packageVersion()}`,
      signal,
      onNotice: (message) => terminal.note(`note: ${message}`),
      onFraction(done) {
        fraction = done;
        terminal.redrawStatus();
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    terminal.endStatus();
    await input.close();
  }
  const text = json ? JSON.stringify({ output, ...result }) : summary(output, result);
  await (await openOutput()).write(`${text}\n`);
  const count = result.parts.length;
  if (parts !== undefined && count < parts)
    terminal.note(
      `note: ${counted(count, "part")}, not ${grouped(parts)}: a part has at least one row that can begin it`,
    );
  return EXIT_DONE;
};

async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((path) => realpath(path).catch(() => undefined)));
  return first !== undefined && first === second;
}

async function oneFile(input: string, { terminal, signal }: CommandContext): Promise<{ path: string; name: string }> {
  const files = input.startsWith("hf:")
    ? await shownDownload(terminal, (onProgress) => findFiles([input], { signal, onProgress }))
    : await findFiles([input], { signal });
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new UsageError(`${input} has ${files.length} files: split cuts one file; several are parts already`);
  return file;
}

function summary(output: string, { rows, parts, parquet }: SplitResult): string {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const how = parquet === undefined ? "" : parquet === "copied" ? ", whole row groups" : ", decoded and written again";
  const [first, last] = [parts[0], parts.at(-1)];
  const names = first === last ? first?.name : `${first?.name} to ${last?.name}`;
  return `${output}: ${grouped(rows)} rows in ${counted(parts.length, "part")}, ${byteSize(bytes)}${how}\n${names}`;
}

function rowCount(text: string): number {
  return wholeNumber(1, MAX_ROWS)(text);
}

function fieldName(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected the name of a field.");
  return text;
}

export function describeSplit(command: Command): Command {
  command
    .description("Cut one large file of rows into parts, in order, for several processes or machines.")
    .optionsGroup("Input:")
    .requiredOption(
      "-i, --input <file>",
      'JSON lines, JSON, CSV, TSV or parquet, also .gz, .zst and .xz; hf:OWNER/NAME/FILE, "-" for standard input',
    )
    .addOption(new Option("--input-format <format>", "format of the input (default: recognised)").choices(inputFormats))
    .optionsGroup("Parts:")
    .requiredOption("-o, --output <folder>", "folder for the parts; made if it does not exist")
    .option("--rows <n>", "rows of a part; of parquet, at most", rowCount)
    .option("--size <bytes>", "most bytes of a part, uncompressed: 256MiB", byteCount(1, MAX_SIZE))
    .option("--parts <n>", "number of parts, of about the same size", wholeNumber(1, MAX_PARTS))
    .option("--keep-together <field>", "never cut between rows with the same value of this field (prompt)", fieldName)
    .option("--force", "replace the parts of an earlier run")
    .option("--json", "print the result as JSON");
  return command.addHelpText("after", HELP);
}

const HELP = `
Parts are called part-00001-of-00040.jsonl and so on. Their rows, one part after another, are the rows of the file, also those
that are broken. The folder gets all parts or none. Nothing is decoded: JSON lines, CSV and TSV are cut at the ends of rows, with
the header in every part, JSON arrays between elements, parquet between row groups. Compressed text gives compressed parts.

Parquet parts are whole row groups: at most --rows rows or --size bytes, and with --parts about even. Where a row group is too
large for that, rows are decoded and written again.

--keep-together prompt keeps the responses to one prompt in one part, where their rows follow each other: the prompt is then
computed once. Rows are never reordered.

Exit codes: 0 success, 2 usage error or failure.

Examples:
  starling-rm split --input pairs.jsonl --output parts --rows 100000
  starling-rm split --input answers.csv --output parts-of-64 --parts 64
  starling-rm split --input pairs.jsonl.gz --output small-parts --size 256MiB --keep-together prompt`;

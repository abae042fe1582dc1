/** Scores rows from start to end; shared by score, rank and demo. */
import type { CommandContext } from "./context.ts";
import { UsageError } from "./errors.ts";
import { pathIdentity } from "./file-identity.ts";
import { type EngineOptions, loadModel, type ModelOptions } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { asLists, asRanking, csv, type Formatter, jsonArray, jsonLines } from "./output-formats.ts";
import { printRows } from "./print-rows.ts";
import { chooseFormat, type OutputOptions, type RowSource } from "./row-options.ts";
import { scoreRows } from "./score-rows.ts";
import { rankTable, scoreTable } from "./table.ts";

export interface ScoringTask {
  readonly source: RowSource;
  /** Results in the order of the responses, or best first. */
  readonly order: "input" | "rank";
  readonly modelPath: string;
}

/** @returns the exit code */
export async function runScoring(
  { source, order, modelPath }: ScoringTask,
  options: OutputOptions & ModelOptions & EngineOptions & { readonly perToken?: true; readonly strict?: true },
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  const { perToken = false, strict = false } = options;
  const format = chooseFormat(perToken && !options.json ? { format: "jsonl", ...options } : options, terminal);
  if (perToken && (format === "table" || format === "csv")) {
    throw new UsageError(`--per-token is not supported by --format ${format}; use --format jsonl or --json`);
  }
  // Loading takes minutes: fail on a bad output name first.
  const sources = [
    ...source.identities,
    await pathIdentity(modelPath),
    options.head && (await pathIdentity(options.head)),
  ];
  const output = await openOutput(options.output, { sources, force: options.force === true, signal });
  try {
    const model = await loadModel(modelPath, options, context);
    try {
      const { notice } = model.info;
      const note = notice !== undefined && format !== "table" ? () => terminal.say(`note: ${notice}`) : () => {};
      const many = order === "rank" ? asRanking : asLists;
      const table = order === "rank" ? rankTable : scoreTable;
      const formatters: Record<typeof format, () => Formatter> = {
        table: () => table({ columns: terminal.columns, notice }),
        jsonl: () => jsonLines(many),
        json: () => jsonArray(many),
        csv,
      };
      let tokens = 0;
      const onProgress = (progress: { tokensDone: number }) => {
        tokens = progress.tokensDone;
      };
      return await printRows(
        beforeFirst(scoreRows(source.rows, model, { signal, onProgress, perToken, strict }), note),
        {
          label: "scoring",
          printer: formatters[format](),
          output,
          terminal,
          inputName: source.name,
          tokens: () => tokens,
        },
      );
    } finally {
      await model.close();
    }
  } finally {
    await output.close();
  }
}

/** An error is one line: the note about the model waits for the first row. */
async function* beforeFirst<T>(rows: AsyncIterable<T>, act: () => void): AsyncGenerator<T> {
  let first = true;
  for await (const row of rows) {
    if (first) act();
    first = false;
    yield row;
  }
}

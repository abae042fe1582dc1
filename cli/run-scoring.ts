/** Scores rows from start to end; shared by score, rank and demo. */
import type { CommandContext } from "./context.ts";
import { type EngineOptions, loadModel, type ModelOptions } from "./model-option.ts";
import { isRegularFile } from "./output.ts";
import { type OutputOptions, outputForm } from "./output-options.ts";
import { printRows } from "./print-rows.ts";
import { resultPrinter } from "./result-printer.ts";
import type { Row } from "./row.ts";
import type { RowSource } from "./row-options.ts";
import { scoreRows } from "./score-rows.ts";
import { type SelectionOptions, topOf } from "./selection.ts";
import { writeRows } from "./write-rows.ts";

export interface ScoringTask {
  readonly source: RowSource;
  /** Results in the order of the responses, or best first. */
  readonly order: "input" | "rank";
  readonly modelPath: string;
}

export type ScoringOptions = OutputOptions &
  SelectionOptions &
  ModelOptions &
  EngineOptions & { readonly perToken?: true; readonly strict?: true };

/** @returns the exit code */
export async function runScoring(
  { source, order, modelPath }: ScoringTask,
  options: ScoringOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  const { perToken = false, strict = false, head } = options;
  // rank chooses within each row: it need not wait for the others.
  const choosesRows = order === "input" && topOf(options) !== undefined;
  const form = outputForm(options, terminal, choosesRows, await isRegularFile(options.output));
  const command = order === "rank" ? "rank" : "score";
  return writeRows({ command, source, modelPath, head, held: form.held }, options, context, async (rows, target) => {
    const model = await loadModel(modelPath, options, context);
    try {
      const { notice } = model.info;
      const note = notice !== undefined && form.format !== "table" ? () => terminal.note(`note: ${notice}`) : () => {};
      const printer = resultPrinter({
        form,
        order,
        notice,
        terminal,
        options,
        files: source.files ?? [],
        before: target.output.earlier?.records ?? 0,
      });
      let tokens = 0;
      const onProgress = (progress: { tokensDone: number }) => {
        tokens = progress.tokensDone;
      };
      const results = scoreRows(tapped(rows, printer.onRow), model, { signal, onProgress, perToken, strict });
      return await printRows(beforeFirst(results, note), {
        ...target,
        label: "scoring",
        printer,
        tokens: () => tokens,
      });
    } finally {
      await model.close();
    }
  });
}

async function* tapped(rows: AsyncIterable<Row>, onRow: (row: Row) => void): AsyncGenerator<Row> {
  for await (const row of rows) {
    onRow(row);
    yield row;
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

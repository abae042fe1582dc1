/** Scores rows from start to end; shared by score, rank and demo. */
import type { CommandContext } from "./context.ts";
import { UsageError } from "./errors.ts";
import { withKnownFields } from "./field-check.ts";
import { type EngineOptions, loadModel, type ModelOptions } from "./model-option.ts";
import { isRegularFile } from "./output.ts";
import { checkOutputName } from "./output-names.ts";
import {
  type OutputForm,
  type OutputOptions,
  outputForm,
  WRITTEN_COMPRESSIONS,
  WRITTEN_FORMATS,
} from "./output-options.ts";
import { printRows } from "./print-rows.ts";
import { allRecords, resultPrinter } from "./result-printer.ts";
import type { RowSource } from "./row-options.ts";
import { scoreRows } from "./score-rows.ts";
import { checkThreshold, type SelectionOptions, topOf } from "./selection.ts";
import { writeRows } from "./write-rows.ts";

export interface ScoringTask {
  readonly command: "score" | "rank";
  readonly source: RowSource;
  readonly modelPath: string;
  readonly form: OutputForm;
}

export type ScoringOptions = OutputOptions &
  SelectionOptions &
  ModelOptions &
  EngineOptions & { readonly perToken?: true; readonly strict?: true };

/** How the results are written. @throws UsageError where they cannot be: call it before a model is downloaded */
export async function scoringForm(
  command: ScoringTask["command"],
  options: ScoringOptions,
  { terminal }: CommandContext,
): Promise<OutputForm> {
  await checkOutputName(options.output, {
    option: "--output",
    command,
    formats: WRITTEN_FORMATS,
    compressions: WRITTEN_COMPRESSIONS,
    isFormatGiven: options.format !== undefined || options.json === true,
    otherwise: "Unknown extensions get JSON lines; --format overrides any extension.",
  });
  if (options.fields?.includes("tokenRewards") && !options.perToken)
    throw new UsageError("--fields tokenRewards needs --per-token");
  // rank chooses within each row: it need not wait for the others.
  const choosesRows = command === "score" && topOf(options) !== undefined;
  return outputForm(options, terminal, choosesRows, await isRegularFile(options.output));
}

/** The rows of the source, checked for what --fields names. @throws UsageError: call it before a model is downloaded */
export async function checkedRows(
  { command, source, form }: Omit<ScoringTask, "modelPath">,
  options: ScoringOptions,
  { terminal }: CommandContext,
): Promise<RowSource> {
  const { fields, perToken = false } = options;
  if (fields === undefined) return source;
  const toRecords = allRecords({ form, order: ORDERS[command], options });
  const rows = await withKnownFields(source.rows, {
    fields,
    source,
    toRecords,
    perToken,
    selection: options,
    terminal,
  });
  return { ...source, rows };
}

/** Results in the order of the responses, or best first. */
export const ORDERS = { score: "input", rank: "rank" } as const;

/** @returns the exit code */
export async function runScoring(
  { command, source, modelPath, form }: ScoringTask,
  options: ScoringOptions,
  context: CommandContext,
): Promise<number> {
  const { terminal, signal } = context;
  const { perToken = false, strict = false, head } = options;
  return writeRows({ command, source, modelPath, head, held: form.held }, options, context, async (rows, target) => {
    const model = await loadModel(modelPath, options, context);
    try {
      const { notice } = model.info;
      checkThreshold(options, model.info);
      const note = notice !== undefined && form.format !== "table" ? () => terminal.note(`note: ${notice}`) : () => {};
      const printer = resultPrinter({
        form,
        order: ORDERS[command],
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

export async function* tapped<T>(
  values: Iterable<T> | AsyncIterable<T>,
  onValue: (value: T) => void,
): AsyncGenerator<T> {
  for await (const value of values) {
    onValue(value);
    yield value;
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

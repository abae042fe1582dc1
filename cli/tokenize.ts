/** `starling-rm tokenize` */
import type { Command } from "commander";
import {
  type ItemWarning,
  isStarlingError,
  loadTokenizer,
  type RewardTokenizer,
  type StarlingError,
} from "../src/index.ts";
import { argumentRows } from "./argument-rows.ts";
import type { Action } from "./context.ts";
import type { TokenizedOutcome } from "./library.ts";
import { addModelOptions, DATE_NOTE, type ModelOptions, modelPath, tokenSettings } from "./model-option.ts";
import { recordJson } from "./output-formats.ts";
import { checkOutputName } from "./output-names.ts";
import { addOutputOption, isNamed, type OutputOptions } from "./output-options.ts";
import { printRows } from "./print-rows.ts";
import { rowRecords } from "./records.ts";
import type { Row } from "./row.ts";
import { rowIterator } from "./row-iterator.ts";
import { addInputOptions, type InputOptions, openRows } from "./row-options.ts";
import { writeRows } from "./write-rows.ts";

type TokenizeOptions = InputOptions & ModelOptions & Pick<OutputOptions, "output" | "force" | "resume">;

type TokenRow =
  | {
      readonly row: Row;
      readonly ids: readonly number[][];
      /** Whether each text was longer than what is scored. */
      readonly scored: readonly { readonly truncated: boolean }[];
      readonly warnings: readonly ItemWarning[];
    }
  | { readonly row: Row; readonly error: StarlingError };

export const tokenize: Action<TokenizeOptions> = async (options, context) => {
  const { terminal, signal } = context;
  terminal.rowsOnStdout = !isNamed(options.output);
  await checkOutputName(options.output, {
    option: "--output",
    command: "tokenize",
    formats: ["jsonl"],
    otherwise: "Unknown extensions get JSON lines, too.",
  });
  const source = await openRows(options, argumentRows, context);
  try {
    const path = await modelPath(options, context);
    const task = { command: "tokenize", source, modelPath: path } as const;
    return await writeRows(task, options, context, async (rows, target) => {
      const tokenizer = await loadTokenizer({ modelPath: path, ...tokenSettings(options), signal });
      if (options.templateDate !== undefined && tokenizer.settings.templateDate === undefined) terminal.note(DATE_NOTE);
      let tokens = 0;
      return printRows(tokenizeRows(rows, tokenizer, signal, options.strict === true), {
        ...target,
        label: "tokenizing",
        printer: {
          begin: () => "",
          row(result: TokenRow) {
            if ("ids" in result) tokens += result.ids.reduce((sum, ids) => sum + ids.length, 0);
            return `${tokenLine(result)}\n`;
          },
          end: () => "",
        },
        tokens: () => tokens,
      });
    });
  } finally {
    source.close();
  }
};

/** Rows per call: chat templates are rendered in another process, and each round trip costs time. */
const MAX_ROWS_AT_ONCE = 32;

async function* tokenizeRows(
  rows: Iterable<Row> | AsyncIterable<Row>,
  tokenizer: RewardTokenizer,
  signal: AbortSignal,
  strict: boolean,
): AsyncGenerator<TokenRow, void, undefined> {
  for await (const chunk of availableRows(rows, signal)) {
    const items = chunk.flatMap((row) =>
      row.error ? [] : row.items.map((item, i) => ({ item, name: row.many ? `responses[${i}]` : "row" })),
    );
    const outcomes = await tokenizer.tokenizeEach(
      items.map(({ item }) => item),
      (i) => (items[i] as (typeof items)[number]).name,
      { signal, strict },
    );
    let first = 0;
    for (const row of chunk) {
      const count = row.error ? 0 : row.items.length;
      yield row.error ? { row, error: row.error } : tokenRow(row, outcomes.slice(first, first + count));
      first += count;
    }
  }
}

function tokenRow(row: Row, outcomes: readonly TokenizedOutcome[]): TokenRow {
  const ids: number[][] = [];
  const scored: { truncated: boolean }[] = [];
  const warnings = new Map<string, ItemWarning>();
  for (const outcome of outcomes) {
    if (isStarlingError(outcome)) return { row, error: outcome };
    ids.push(Array.from(outcome.ids));
    scored.push({ truncated: outcome.truncated });
    for (const warning of outcome.warnings ?? []) warnings.set(warning.code, warning);
  }
  return { row, ids, scored, warnings: [...warnings.values()] };
}

/** Groups the rows that are available without waiting. */
async function* availableRows(
  rows: Iterable<Row> | AsyncIterable<Row>,
  signal: AbortSignal,
): AsyncGenerator<Row[], void, undefined> {
  const iterator = rowIterator(rows);
  const next = () => {
    const step = Promise.resolve(iterator.next());
    // Its awaiter gets the error.
    step.catch(() => {});
    return step;
  };
  let coming = next();
  for (let ended = false; !ended; ) {
    signal.throwIfAborted();
    const chunk: Row[] = [];
    let step: IteratorResult<Row> | undefined = await unlessAborted(coming, signal);
    while (step !== undefined && !step.done) {
      chunk.push(step.value);
      coming = next();
      const available: Promise<IteratorResult<Row> | undefined> =
        chunk.length < MAX_ROWS_AT_ONCE ? Promise.race([coming, nextTurn()]) : Promise.resolve(undefined);
      // An error comes after the rows before it.
      step = await available.catch(() => undefined);
    }
    ended = step?.done === true;
    if (chunk.length > 0) yield chunk;
  }
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}

/** A terminal or pipe may never send its next row: a stop does not wait for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

const toRecords = rowRecords({ order: "input" });

function tokenLine(result: TokenRow): string {
  if ("ids" in result) return JSON.stringify(result.row.many ? result.ids : result.ids[0]);
  return toRecords(result).map(recordJson).join("");
}

export function describeTokenize(command: Command): Command {
  command.description("Print the token ids that score evaluates, after chat template and truncation.");
  addInputOptions(command, { text: true });
  addModelOptions(command, { head: false });
  addOutputOption(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Reads the same rows as score and needs only the model's header. Prints one line per input row: a JSON list of ids, a list of
lists for a row with "responses", or {"index","error"} for a failed row.

Examples:
  starling-rm tokenize --model tiny --text "Hello!"
  starling-rm tokenize --model rm.gguf --tokenization slow --input pairs.jsonl`;

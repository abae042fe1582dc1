/** `starling-rm tokenize` */
import type { Command } from "commander";
import { isStarlingError, loadTokenizer, type RewardTokenizer, type StarlingError } from "../src/index.ts";
import { argumentRows } from "./argument-rows.ts";
import type { Action } from "./context.ts";
import { pathIdentity } from "./file-identity.ts";
import { addModelOptions, given, type ModelOptions, modelPath } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { withFields } from "./output-formats.ts";
import { printRows } from "./print-rows.ts";
import type { Row } from "./row.ts";
import { addInputOptions, addOutputOption, type InputOptions, type OutputOptions, openRows } from "./row-options.ts";

type TokenizeOptions = InputOptions & ModelOptions & Pick<OutputOptions, "output" | "force">;

type TokenRow =
  | { readonly row: Row; readonly ids: readonly number[][] }
  | { readonly row: Row; readonly error: StarlingError };

export const tokenize: Action<TokenizeOptions> = async (options, context) => {
  const { terminal, signal } = context;
  const source = await openRows(options, argumentRows, terminal);
  try {
    const path = await modelPath(options, context);
    const { tokenization, specialTokens } = options;
    const sources = [source.identity, await pathIdentity(path)];
    const output = await openOutput(options.output, { sources, force: options.force === true, signal });
    try {
      const tokenizer = await loadTokenizer({ modelPath: path, ...given({ tokenization, specialTokens }) });
      let tokens = 0;
      return await printRows(tokenizeRows(source.rows, tokenizer, signal), {
        label: "tokenizing",
        printer: {
          begin: () => "",
          row(result: TokenRow) {
            if ("ids" in result) tokens += result.ids.reduce((sum, ids) => sum + ids.length, 0);
            return `${tokenLine(result)}\n`;
          },
          end: () => "",
        },
        output,
        terminal,
        inputName: source.name,
        total: source.total,
        tokens: () => tokens,
      });
    } finally {
      await output.close();
    }
  } finally {
    source.close();
  }
};

async function* tokenizeRows(
  rows: Iterable<Row> | AsyncIterable<Row>,
  tokenizer: RewardTokenizer,
  signal: AbortSignal,
): AsyncGenerator<TokenRow, void, undefined> {
  const iterator = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  for (;;) {
    signal.throwIfAborted();
    const step = await unlessAborted(Promise.resolve(iterator.next()), signal);
    if (step.done) return;
    yield await tokenizeRow(step.value, tokenizer);
  }
}

/** A terminal or pipe may keep its next row for ever: a stop does not wait for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

async function tokenizeRow(row: Row, tokenizer: RewardTokenizer): Promise<TokenRow> {
  if (row.error) return { row, error: row.error };
  const outcomes = await tokenizer.tokenizeEach(row.items, (i) => (row.many ? `responses[${i}]` : "row"));
  const ids: number[][] = [];
  for (const outcome of outcomes) {
    if (isStarlingError(outcome)) return { row, error: outcome };
    ids.push(Array.from(outcome.ids));
  }
  return { row, ids };
}

function tokenLine(result: TokenRow): string {
  if ("ids" in result) return JSON.stringify(result.row.many ? result.ids : result.ids[0]);
  const { code, message } = result.error;
  return withFields({ index: result.row.index, error: { code, message } }, result.row.fields);
}

export function describeTokenize(command: Command): Command {
  command.description("Print the token ids that are scored: after the chat template and after truncation.");
  addModelOptions(command, { head: false });
  addInputOptions(command, { text: true });
  addOutputOption(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Takes the rows that "score" takes, and needs only the model's header. One JSON list of ids a line, one line for each
input row; a list of lists for a row with "responses"; {"index","error"} for a row that failed.

Examples:
  starling-rm tokenize --model tiny --text "Hello!"
  starling-rm tokenize --model rm.gguf --tokenization slow --input pairs.jsonl`;

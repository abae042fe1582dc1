/** `starling-rm score` */
import type { Command } from "commander";
import { InvalidInputError } from "../src/index.ts";
import { argumentRows } from "./argument-rows.ts";
import type { Action } from "./context.ts";
import { addEngineOptions, addModelOptions, type EngineOptions, type ModelOptions, modelPath } from "./model-option.ts";
import { addFieldsOption, addFormatOptions, addOutputOption, isNamed, type OutputOptions } from "./output-options.ts";
import { addPartitionOptions, isPartitioned, PARTITIONED_OUTPUT, type PartitionOptions } from "./partitions/options.ts";
import { type ScoringKind, scorePartitions } from "./partitions/score-partitions.ts";
import type { Row } from "./row.ts";
import { addInputOptions, type InputOptions, openRows, type RowSource } from "./row-options.ts";
import { checkedRows, runScoring, scoringForm } from "./run-scoring.ts";
import { addSelectionOptions, type SelectionOptions, topOf } from "./selection.ts";

export type ScoreCommandOptions = InputOptions &
  OutputOptions &
  SelectionOptions &
  ModelOptions &
  EngineOptions &
  PartitionOptions & { readonly perToken?: true };

export const score: Action<ScoreCommandOptions> = async (options, context) => {
  if (await isPartitioned(options)) return scorePartitions(SCORE, options, context);
  context.terminal.rowsOnStdout = !isNamed(options.output);
  const form = await scoringForm("score", options, context);
  const source = await openRows(options, argumentRows, context);
  try {
    const rows = SCORE.adapt(source.rows, options);
    const checked = await checkedRows({ command: "score", source: { ...source, rows }, form }, options, context);
    const path = await modelPath(options, context);
    return await runScoring({ command: "score", source: checked, modelPath: path, form }, options, context);
  } finally {
    source.close();
  }
};

const SCORE: ScoringKind = {
  command: "score",
  many: false,
  adapt: (rows, options) => (topOf(options) === undefined ? rows : withPrompts(rows)),
};

/** A text has no prompt that other rows could answer, too. */
async function* withPrompts(rows: RowSource["rows"]): AsyncGenerator<Row> {
  for await (const row of rows) {
    const isText = (row.items[0] as { text?: string } | undefined)?.text !== undefined;
    yield isText ? { ...row, items: [], error: noPrompt() } : row;
  }
}

function noPrompt(): InvalidInputError {
  return new InvalidInputError(
    "ERR_INVALID_ITEM",
    'Expected a prompt, but the row has only "text": --top and --best choose among responses to one prompt.',
  );
}

export function describeScore(command: Command): Command {
  command.description(
    "Score responses, conversations or texts. Higher is better (cost models: lower); compare scores only between responses to one prompt.",
  );
  addInputOptions(command, { text: true });
  addModelOptions(command);
  addOutputOption(command, PARTITIONED_OUTPUT);
  addFormatOptions(command);
  addFieldsOption(command);
  addSelectionOptions(command);
  addPerTokenOption(command);
  addPartitionOptions(command);
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

export function addPerTokenOption(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--per-token", 'add the reward at every token of the response, as "tokenRewards"');
}

const HELP = `
Rows of --input:
  {"prompt": "…", "response": "…"}            one score
  {"prompt": "…", "responses": ["…", "…"]}    "scores" and "ranks" (1 = best), in the order of the responses
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
  {"messages": [… the user's turn], "responses": ["…", "…"]}
  {"text": "…"}                               used as is: include the chat template, but not the BOS that the
                                              tokenizer adds, nor anything after the last end of turn
"prompt" may be a list of messages ending with the user's turn; "system" beside it is a system turn. null means absent. In CSV and
TSV, a list is JSON in its cell. Other common names (question, instruction, answer, output, conversations, …) are recognised;
--field prompt=question maps any other. Repeat it to join several fields to one prompt, or to list several responses.
A row with a field that would change the conversation but is not supported ("tools", "history", "images", …) fails unless
--ignore-field names it. A text with a second BOS, or with anything after its end, gets a warning; --strict makes it an error.

One output row per input row, in order, as soon as it is scored: the results, then all fields of the input. An input field
with the name of a result is written as "input_…". --fields chooses the fields.
  {"index":0,"score":1.23,"tokenCount":19,"truncated":false,"prompt":"…","response":"…", …}
  {"index":3,"error":{"code":"…","message":"…"}, …}
--per-token adds "tokenRewards":{"start":12,"ids":[…],"pieces":["▁Par","is"],"rewards":[0.4,1.23]}; the last reward is the
score. Rows with "responses" get a list of them.
CSV and TSV have one line per response; lists and objects are JSON in their cells. The extension of --output chooses the
format (.jsonl, .json, .csv, .tsv, .parquet) and the compression (.gz, .zst).
--top and --best compare all rows with the same prompt, so nothing is written before the last row is scored. With them, and
with --min-score and --max-score, failed rows are reported but not written.
--resume continues after an interruption; the output is the same, byte for byte, as without one.

If --output is a folder, or ends with "/", each file of --input gets an output of its own there, under the same name, and a manifest
beside it (_NAME.manifest). Files whose output is whole are skipped, so the same command goes on after a kill, and several
processes can share a folder. Every option applies to each file by itself. --force replaces only what another model, other
settings or another version of the input made. docs/partitions.md describes the folder and the worker that --partitions - starts.

A text may be @FILE, or "-" for standard input; write @@ for a text that begins with @. Give one --prompt
(or --messages @FILE.json) for all responses, or one for each. A value may begin with "-": --response -5, or --response=-5.

Exit codes: 0 success, 1 some rows failed (reported on stderr), 2 usage error or failure, also of one file among others. With
--check: 0 the folder is whole, 1 it is not.

Examples:
  starling-rm score --model tiny --prompt "Capital of France?" --response "Paris." --response "No idea."
  starling-rm score --model rm.gguf --input pairs.jsonl --output scores.jsonl
  starling-rm score --model rm.gguf --input pairs.jsonl --min-score 1 --output good.jsonl
  starling-rm score --model rm.gguf --input pairs.jsonl.gz --fields id,score --format csv
  starling-rm score --model rm.gguf --input data --output scores/ --shard 1/4
  starling-rm score --input data --output scores/ --check`;

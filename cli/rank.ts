/** `starling-rm rank` */
import type { Command } from "commander";
import { InvalidInputError } from "../src/index.ts";
import { rankingRow } from "./argument-rows.ts";
import type { Action } from "./context.ts";
import { addEngineOptions, addModelOptions, modelPath } from "./model-option.ts";
import { addFieldsOption, addFormatOptions, addOutputOption, isNamed } from "./output-options.ts";
import { addPartitionOptions, isPartitioned, PARTITIONED_OUTPUT } from "./partitions/options.ts";
import { type ScoringKind, scorePartitions } from "./partitions/score-partitions.ts";
import type { Row } from "./row.ts";
import { addInputOptions, openRows } from "./row-options.ts";
import { checkedRows, runScoring, scoringForm } from "./run-scoring.ts";
import { addPerTokenOption, type ScoreCommandOptions } from "./score.ts";
import { addSelectionOptions } from "./selection.ts";

export const rank: Action<ScoreCommandOptions> = async (options, context) => {
  if (await isPartitioned(options)) return scorePartitions(RANK, options, context);
  context.terminal.rowsOnStdout = !isNamed(options.output);
  const form = await scoringForm("rank", options, context);
  const source = await openRows(options, rankingRow, context, true);
  try {
    const rows = RANK.adapt(source.rows, options);
    const checked = await checkedRows({ command: "rank", source: { ...source, rows }, form }, options, context);
    const path = await modelPath(options, context);
    return await runScoring({ command: "rank", source: checked, modelPath: path, form }, options, context);
  } finally {
    source.close();
  }
};

const RANK: ScoringKind = { command: "rank", many: true, adapt: onlyRankings };

async function* onlyRankings(rows: Iterable<Row> | AsyncIterable<Row>): AsyncGenerator<Row> {
  for await (const row of rows) {
    yield row.many || row.error ? row : { ...row, items: [], error: noRanking() };
  }
}

function noRanking(): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", 'Expected {"prompt","responses"}: rank compares several responses.');
}

export function describeRank(command: Command): Command {
  command.description("Rank several responses to one prompt, best first.");
  addInputOptions(command, { text: false });
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

const HELP = `
Rows of --input: {"prompt": "…", "responses": ["…", "…"]} or {"messages": […], "responses": ["…", "…"]} (score --help
lists other field names). One output row per input row, with the other fields of the input:
  {"index":0,"ranking":[{"rank":1,"index":2,"score":1.23,"tokenCount":19,"truncated":false,"response":"…"}, …], …}
"index" inside "ranking" is the response's place in the input, from 0. Equal scores share the better rank. --best writes a row
with only the best response, which score can read:
  {"index":0,"responseIndex":2,"score":1.23,"tokenCount":19,"truncated":false,"response":"…","prompt":"…", …}

If --output is a folder, each file of --input gets an output of its own there (score --help, docs/partitions.md).

Exit codes: 0 success, 1 some rows failed (reported on stderr), 2 usage error or failure. With --check: 0 the folder is whole, 1 it
is not.

Examples:
  starling-rm rank --model tiny --prompt "Capital of France?" --response "Lyon." --response "Paris."
  starling-rm rank --model tiny --messages @conversation.json --responses-file answers.txt
  starling-rm rank --model rm.gguf --input candidates.jsonl --best --output best.jsonl`;

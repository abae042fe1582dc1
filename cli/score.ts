/** `starling-rm score` */
import type { Command } from "commander";
import { argumentRows } from "./argument-rows.ts";
import type { Action } from "./context.ts";
import { addEngineOptions, addModelOptions, type EngineOptions, type ModelOptions, modelPath } from "./model-option.ts";
import {
  addFormatOptions,
  addInputOptions,
  addOutputOption,
  type InputOptions,
  type OutputOptions,
  openRows,
} from "./row-options.ts";
import { runScoring } from "./run-scoring.ts";

export type ScoreCommandOptions = InputOptions &
  OutputOptions &
  ModelOptions &
  EngineOptions & { readonly perToken?: true };

export const score: Action<ScoreCommandOptions> = async (options, context) => {
  const source = await openRows(options, argumentRows, context);
  try {
    const path = await modelPath(options, context);
    return await runScoring({ source, order: "input", modelPath: path }, options, context);
  } finally {
    source.close();
  }
};

export function describeScore(command: Command): Command {
  command.description(
    "Score responses, conversations or texts. Higher is better; compare scores only between responses to one prompt.",
  );
  addInputOptions(command, { text: true });
  addModelOptions(command);
  addOutputOption(command);
  addFormatOptions(command);
  command.option("--per-token", 'add the reward at every response token, as "tokenRewards" (JSON formats only)');
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Rows of --input (JSON lines, or one JSON array or object; also compressed with gzip or zstd):
  {"prompt": "…", "response": "…"}            one score
  {"prompt": "…", "responses": ["…", "…"]}    "scores" and "ranks" (1 = best), in the order of the responses
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
  {"text": "…"}                               used as is: write the chat template yourself, without a BOS that the
                                              tokenizer adds, and with nothing after the last end of turn
"prompt" may be a list of messages ending with the user's turn; "system" beside it is a system turn. null means absent.
Input fields that are not read ("tools", "history", "images", …) fail the row unless --ignore-field names them. Texts with a
second BOS or anything after their end get a warning; --strict makes it an error. Other fields are copied to the output.

One output row per input row, in order, as soon as it is scored:
  {"index":0,"score":1.23,"tokenCount":19,"truncated":false, …other fields}
  {"index":3,"error":{"code":"…","message":"…"}, …other fields}
--per-token adds "tokenRewards":{"start":12,"ids":[…],"pieces":["▁Par","is"],"rewards":[0.4,1.23]}; the last reward is the
score. Rows with "responses" get a list of them.
CSV has fixed columns, no other fields, and one line per response.

Give one --prompt for all responses, or one for each. A value may begin with "-": --response -5, or --response=-5.

Exit codes: 0 success, 1 some rows failed (reported on stderr), 2 usage error or failure.

Examples:
  starling-rm score --model tiny --prompt "Capital of France?" --response "Paris." --response "No idea."
  starling-rm score --model rm.gguf --input pairs.jsonl --output scores.jsonl
  starling-rm score --model rm.gguf --input pairs.jsonl.gz | jq .score`;

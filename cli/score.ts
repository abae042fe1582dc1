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
  const source = await openRows(options, argumentRows, context.terminal);
  try {
    const path = await modelPath(options, context);
    return await runScoring({ source, order: "input", modelPath: path }, options, context);
  } finally {
    source.close();
  }
};

export function describeScore(command: Command): Command {
  command.description(
    "Score texts, responses to prompts, or conversations. Higher is better; only compare responses to the same prompt.",
  );
  addModelOptions(command);
  addInputOptions(command, { text: true });
  addOutputOption(command);
  addFormatOptions(command);
  command.option("--per-token", 'also the reward at every token of the response, as "tokenRewards" (JSON formats)');
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Rows of --input (JSON lines; or one JSON array or object; also compressed with gzip or zstd):
  {"prompt": "…", "response": "…"}            one score
  {"prompt": "…", "responses": ["…", "…"]}    "scores" and "ranks" (1 = best), in the order of the responses
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
  {"text": "…"}                               as it is; the chat template is yours to write, but for a BOS that the
                                              tokenizer adds, and nothing behind the last end of turn
"prompt" may also be a list of messages that ends with the user's turn; "system" beside it is a system turn. null is absent.
Fields that belong to the input and are not read ("tools", "history", "images" and the like) fail the row, unless
--ignore-field names them. Texts with a doubled BOS or a tail behind their end are counted in a warning; --strict fails them.
Further fields of a row are kept. One output row for each input row, in order, as soon as it is scored:
  {"index":0,"score":1.23,"tokenCount":19,"truncated":false, …further fields}
  {"index":3,"error":{"code":"…","message":"…"}, …further fields}
With --per-token: "tokenRewards":{"start":12,"ids":[…],"pieces":["▁Par","is"],"rewards":[0.4,1.23]}; the last reward is
the score; a list of them for "responses".
Several --response to one --prompt, or as many as there are --prompt, give one row each.
A value that begins with "-" is taken as it is: --response -5, or --response=-5.
CSV has fixed columns, without further fields, and one line for each response.

Exit code: 0 done, 1 some rows failed (the first of each kind are named on stderr), 2 wrong usage or a failure of the whole.

Examples:
  starling-rm score --model tiny --prompt "Capital of France?" --response "Paris." --response "No idea."
  starling-rm score --model rm.gguf --input pairs.jsonl --output scores.jsonl
  starling-rm score --model rm.gguf --input pairs.jsonl.gz | jq .score`;

/**
 * tatsu-lab/alpaca_eval: annotations.json of a model, and the human annotations and cross-annotations. preference is 1 for
 * output_1, 2 for output_2 and 1.5 for a draw, also between them where an annotator weighs; older files write 0 for a draw.
 * Outputs are in the order of the preference, however the annotator saw them. Source: tatsu-lab/alpaca_eval
 * (src/alpaca_eval/metrics/helpers.py, src/alpaca_eval/annotators/pairwise_evaluator.py).
 */
import type { Fields } from "../../../prompt/input-fields.ts";
import { textOf } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { twoResponses } from "./described.ts";
import { onScale } from "./verdicts.ts";

export const alpacaEval: Layout = twoResponses(
  {
    name: "alpaca-eval",
    title: "AlpacaEval annotations",
    columns: { instruction: "text", output_1: "text", output_2: "text", preference: "label" },
    compared: "the output that the annotator preferred over the other",
  },
  {
    prompt: promptOf,
    responses: ["output_1", "output_2"],
    labels: ["generator_1", "generator_2"],
    verdict: onScale("preference", 1, 2, { ties: [0], isMixed: true }),
    read: ["instruction", "input"],
  },
);

/** AlpacaFarm has the input apart, and joins it with a blank line. */
function promptOf(fields: Fields): string {
  const instruction = textOf(fields, "instruction");
  const { input } = fields;
  if (input === undefined || input === "") return instruction;
  return `${instruction}\n\n${textOf(fields, "input")}`;
}

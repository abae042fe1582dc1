/**
 * openai/webgpt_comparisons: a question, two answers and their scores from -1 to 1, the negatives of each other. The prompt is
 * the question's full text; quotes are what the answers cite and not part of the input. Source: the data set's card;
 * OpenRLHF (openrlhf/datasets/reward_dataset.py).
 */
import { objectOf, textOf } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { twoResponses } from "./described.ts";
import { byScores } from "./verdicts.ts";

/** From a list of two answers to the columns of the data set on the hub. */
const PAIRS =
  "jq -c '{question: .[0].question, answer_0: .[0].answer, answer_1: .[1].answer, score_0: .[0].score, score_1: .[1].score}' FILE";

export const webGpt: Layout = twoResponses(
  {
    name: "webgpt",
    title: "WebGPT comparisons",
    columns: { question: "any", answer_0: "text", answer_1: "text", score_0: "number", score_1: "number" },
    compared: "the answer with the higher score over the other",
    problem: ({ names, is }) =>
      is("question", "object") && ["answer", "score"].every((name) => names.includes(name))
        ? `Its rows are lists of two answers, as in OpenAI's comparisons.jsonl: \`${PAIRS}\` writes a row for each list.`
        : undefined,
  },
  {
    prompt: (fields) => textOf(objectOf(fields, "question"), "full_text", "question.full_text"),
    responses: ["answer_0", "answer_1"],
    verdict: byScores("score_0", "score_1"),
    read: ["question"],
  },
);

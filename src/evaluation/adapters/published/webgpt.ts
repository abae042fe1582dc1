/**
 * openai/webgpt_comparisons: a question, two answers and their scores from -1 to 1, the negatives of each other. The prompt is
 * the question's full text; quotes are what the answers cite and not part of the input. Source: the data set's card;
 * OpenRLHF (openrlhf/datasets/reward_dataset.py).
 */
import { objectOf, textOf } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { twoResponses } from "./described.ts";
import { byScores } from "./verdicts.ts";

export const webGpt: Layout = twoResponses(
  {
    name: "webgpt",
    title: "WebGPT comparisons",
    columns: { question: "any", answer_0: "text", answer_1: "text", score_0: "number", score_1: "number" },
    compared: "the answer with the higher score over the other",
  },
  {
    prompt: (fields) => textOf(objectOf(fields, "question"), "full_text", "question.full_text"),
    responses: ["answer_0", "answer_1"],
    verdict: byScores("score_0", "score_1"),
    read: ["question"],
  },
);

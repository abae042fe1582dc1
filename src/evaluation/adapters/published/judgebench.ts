/**
 * ScalerLab/JudgeBench: two answers to a question, of which one is correct; label is "A>B" or "B>A". Source: the data set's
 * card and ScalerLab/JudgeBench (run_judge.py, utils/metrics.py).
 */
import type { Layout } from "../layout.ts";
import { inWords, twoResponses } from "./described.ts";

export const judgeBench: Layout = twoResponses(
  {
    name: "judgebench",
    title: "JudgeBench",
    columns: { question: "text", response_A: "text", response_B: "text", label: "text" },
    recognises: ({ values }) => (values.get("label") ?? []).some((label) => /^[AB][>=][AB]$/.test(String(label))),
    compared: "the correct answer over the wrong one",
  },
  {
    prompt: "question",
    responses: ["response_A", "response_B"],
    verdict: inWords("label", ["A>B"], ["B>A"], ["A=B"]),
    id: "pair_id",
  },
);

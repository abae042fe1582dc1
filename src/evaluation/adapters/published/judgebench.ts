/**
 * ScalerLab/JudgeBench: two answers to a question, of which one is correct; label is "A>B" or "B>A", and in files of verdicts also
 * "A<B", "A>>B" or "A=B". Source: the data set's card and ScalerLab/JudgeBench
 * (run_judge.py, utils/metrics.py).
 */
import { textOf, wrong } from "../adapter.ts";
import { unknownProblem } from "../label-values.ts";
import { isTie, letterVerdict } from "../labels.ts";
import type { Layout } from "../layout.ts";
import { twoResponses } from "./described.ts";
import type { Verdict } from "./verdicts.ts";

const EXPECTED = '"A>B", "B>A" or "A=B"';
const LETTERS = ["A,B", "B,A"];

/** Which of A and B a label favours; undefined: it is another one. */
function favoured(label: unknown): "A" | "B" | "tie" | undefined {
  if (isTie(label)) return "tie";
  const verdict = letterVerdict(label);
  if (verdict === undefined || !LETTERS.includes(verdict.letters.join())) return undefined;
  return verdict.better === "tie" ? "tie" : (verdict.letters[verdict.better] as "A" | "B");
}

const verdict: Verdict = {
  of: (fields) => {
    const label = textOf(fields, "label");
    const better = favoured(label);
    if (better === undefined) throw wrong(EXPECTED, "label", label);
    return better === "tie" ? { omitted: "tie" } : better === "A" ? [1, 0] : [0, 1];
  },
  label: () => ({
    name: "label",
    isKnown: (value) => favoured(value) !== undefined,
    problem: (values) => unknownProblem("label", values, values.wrong, EXPECTED),
  }),
};

export const judgeBench: Layout = twoResponses(
  {
    name: "judgebench",
    title: "JudgeBench",
    columns: { question: "text", response_A: "text", response_B: "text", label: "text" },
    recognises: ({ values }) => (values.get("label") ?? []).some((label) => letterVerdict(label) !== undefined),
    compared: "the correct answer over the wrong one",
  },
  {
    prompt: "question",
    responses: ["response_A", "response_B"],
    verdict,
    id: "pair_id",
  },
);

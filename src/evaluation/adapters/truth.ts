/** truthful_qa, configuration "generation": the best answer, other correct answers, incorrect answers. */
import type { CaseResponse, Comparison } from "../case.ts";
import { type Adapted, type AdaptOptions, refuseTooMany, rowFields, textOf, textsOf } from "./adapter.ts";

const READ = ["question", "best_answer", "correct_answers", "incorrect_answers"];

/**
 * Expects reward(best) ≥ reward(correct) > reward(incorrect). The data set repeats the best answer among the correct ones;
 * repetitions are removed, ignoring surrounding spaces and a final full stop.
 */
export function adaptTruth(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"question","best_answer","correct_answers","incorrect_answers"}', READ);
  const prompt = textOf(fields, "question");
  const best = textOf(fields, "best_answer");
  const correct = textsOf(fields, "correct_answers").filter((answer) => core(answer) !== core(best));
  const incorrect = textsOf(fields, "incorrect_answers");
  refuseTooMany([best, ...correct, ...incorrect], "incorrect_answers");
  const responses: CaseResponse[] = [
    { item: { prompt, response: best }, grade: 2, label: "best" },
    ...correct.map((response) => ({ item: { prompt, response }, grade: 1, label: "correct" })),
    ...incorrect.map((response) => ({ item: { prompt, response }, grade: 0, label: "incorrect" })),
  ];
  const comparisons: Comparison[] = [];
  for (const [worse, { grade }] of responses.entries()) {
    if (grade === 1) comparisons.push({ better: 0, worse, orEqual: true });
    for (let better = 0; grade === 0 && better <= correct.length; better++) comparisons.push({ better, worse });
  }
  if (comparisons.length === 0) return { omitted: "no other answer" };
  return { case: { responses, comparisons } };
}

function core(answer: string): string {
  return answer.trim().replace(/\.$/, "");
}

/** truthful_qa, configuration "generation": the best answer, other correct answers, incorrect answers. */
import type { CaseResponse, Comparison } from "../case.ts";
import { type Adapted, type AdaptOptions, refuseTooMany, rowFields, textOf, textsOf } from "./adapter.ts";
import { withoutSameText } from "./compared.ts";

const READ = ["question", "best_answer", "correct_answers", "incorrect_answers"];

/**
 * Expects reward(best) ≥ reward(correct) > reward(incorrect). The data set repeats the best answer among the correct ones; the
 * card does not say whether it counts there again. Here it does not, ignoring surrounding spaces and a final full stop;
 * `asPublished` has the other reading.
 */
export function adaptTruth(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"question","best_answer","correct_answers","incorrect_answers"}', READ);
  const prompt = textOf(fields, "question");
  const best = textOf(fields, "best_answer");
  const listed = textsOf(fields, "correct_answers");
  const correct = listed.filter((answer) => core(answer) !== core(best));
  // Repeated but for a full stop, it is another text with another score.
  const repeated = listed.filter((answer) => core(answer) === core(best));
  const incorrect = textsOf(fields, "incorrect_answers");
  refuseTooMany([best, ...listed, ...incorrect], "incorrect_answers");
  const variants = repeated.filter((answer) => answer !== best);
  const responses: CaseResponse[] = [
    { item: { prompt, response: best }, grade: 2, label: "best" },
    ...correct.map((response) => ({ item: { prompt, response }, grade: 1, label: "correct" })),
    ...incorrect.map((response) => ({ item: { prompt, response }, grade: 0, label: "incorrect" })),
    ...variants.map((response) => ({ item: { prompt, response }, grade: undefined, label: "best, repeated" })),
  ];
  const wrong = incorrect.map((_, i) => 1 + correct.length + i);
  const right = correct.map((_, i) => 1 + i);
  let variant = responses.length - variants.length;
  const again = repeated.map((answer) => (answer === best ? 0 : variant++));
  const comparisons = comparisonsOf(right, wrong);
  if (comparisons.length === 0) return { omitted: "no other answer" };
  const asPublished = repeated.length === 0 ? {} : { asPublished: comparisonsOf([...right, ...again], wrong) };
  // Two questions have "Unknown" among the correct answers and among the incorrect ones.
  return withoutSameText({ case: { responses, comparisons, ...asPublished } }, options);
}

/** The best answer, 0, against the other correct ones, and all of them against the incorrect ones. */
function comparisonsOf(correct: readonly number[], incorrect: readonly number[]): Comparison[] {
  return [
    ...correct.map((worse): Comparison => ({ better: 0, worse, orEqual: true })),
    ...incorrect.flatMap((worse) => [0, ...correct].map((better) => ({ better, worse }))),
  ];
}

function core(answer: string): string {
  return answer.trim().replace(/\.$/, "");
}

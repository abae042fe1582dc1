/** berkeley-nest/Nectar, the training data of Starling's reward models: seven ranked responses per prompt. */
import { comparisonsByGrade } from "../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  fieldsOf,
  itemOf,
  listOf,
  numberOf,
  refuseTooMany,
  rowFields,
  textOf,
  writtenBy,
  wrong,
} from "./adapter.ts";
import { openDialogueOf } from "./dialogue.ts";

/** Rank 1 is best; equal ranks, which do occur, are ties. */
export function adaptNectar(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"prompt","answers"}', ["prompt", "answers"]);
  const turns = openDialogueOf(fields, "prompt");
  const answers = listOf(fields, "answers");
  if (answers.length < 2) throw wrong("two or more answers", "answers", answers);
  refuseTooMany(answers, "answers");
  const responses = answers.map((value, i) => {
    const where = `answers[${i}]`;
    const answer = fieldsOf(value, where);
    return {
      item: itemOf(turns, textOf(answer, "answer", `${where}.answer`)),
      grade: 0 - numberOf(answer["rank"], `${where}.rank`),
      ...writtenBy(answer["model"]),
    };
  });
  const comparisons = comparisonsByGrade(responses);
  return comparisons.length === 0 ? { omitted: "all tied" } : { case: { responses, comparisons } };
}

/** allenai/reward-bench-2: correct and wrong responses; several are correct in the subset "Ties". */
import { comparisonsByGrade } from "../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  itemOf,
  namesOf,
  promptOf,
  refuseTooMany,
  rowFields,
  textOf,
  textsOf,
  writtenBy,
  wrong,
} from "./adapter.ts";

const READ = ["prompt", "chosen", "rejected", "system"];

/** The subset whose ids pair prompts: "ref:7" has one correct answer, "tied:7" several. */
const TIES = /^ties$/i;
const TIES_ID = /^[^:]+:\d+$/;

export function adaptRewardBench2(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"prompt","chosen","rejected"}', READ);
  const context = promptOf(fields, options);
  const [chosen, rejected] = [textsOf(fields, "chosen"), textsOf(fields, "rejected")];
  if (chosen.length === 0) throw wrong("one or more responses", "chosen", chosen);
  if (rejected.length === 0) throw wrong("one or more responses", "rejected", rejected);
  refuseTooMany([...chosen, ...rejected], "chosen");
  const correct = fields["num_correct"];
  if (typeof correct === "number" && correct !== chosen.length)
    throw wrong(`${chosen.length}, the number of chosen responses,`, "num_correct", correct);
  const subset = textOf(fields, "subset");
  const id = textOf(fields, "id");
  if (TIES.test(subset) && !TIES_ID.test(id)) throw wrong('"ref:NUMBER" or "tied:NUMBER"', "id", id);
  const models = fields["models"];
  const responses = [...chosen, ...rejected].map((response, i) => ({
    item: itemOf(context, response),
    grade: i < chosen.length ? 1 : 0,
    ...writtenBy(Array.isArray(models) ? models[i] : undefined),
  }));
  // The official score of ties compares a prompt that has one answer with its twin that has several.
  const group = TIES.test(subset) ? { group: `ties ${id.slice(id.indexOf(":") + 1)}` } : {};
  return { case: { responses, comparisons: comparisonsByGrade(responses), ...namesOf(fields), subset, id, ...group } };
}

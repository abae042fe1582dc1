/** Rows of one response and a label, "unpaired preferences" in TRL (as for KTO): what to do with them. */
import type { Facts } from "../layout.ts";
import { isLabelName } from "./labelled-columns.ts";
import { PROMPTS, RANKS, SCORES, theOne } from "./rated-names.ts";
import { RESPONSES, ratedRows } from "./rated-rows.ts";

/** Sentences, without the last point; undefined: the rows are not of this kind. */
export function unpairedAdvice({ names, values, is }: Facts): string | undefined {
  const isThere = (name: string) => names.includes(name);
  const [prompt, response] = [theOne(PROMPTS, isThere), theOne(RESPONSES, isThere)];
  const labels = names.filter(
    (name) => isLabelName(name) || (name !== prompt && name !== response && is(name, "flag")),
  );
  const [label, ...others] = labels;
  if (prompt === undefined || response === undefined || label === undefined || others.length > 0) return undefined;
  if ([...SCORES, ...RANKS].some(isThere)) return undefined;
  const isNumber = is(label, "number");
  const advice =
    isNumber || is(label, "flag")
      ? `--field score=${label} compares those (${ratedRows.name}): ${isNumber ? "a higher number is better" : "true is better than false"}`
      : `Write the label as a number, such as 1 for a good response and 0 for a bad one, in a column "score" (${ratedRows.name})`;
  const prompts = (values.get(prompt) ?? []).map((value) => JSON.stringify(value));
  const isUnique = new Set(prompts).size === prompts.length;
  return (
    `each row has one response and a label (${JSON.stringify(label)}), and only responses to the same prompt can be compared. ${advice}` +
    (isUnique
      ? `. None of the first ${prompts.length} rows has the prompt of another one; "starling-rm score" scores them one by one`
      : "")
  );
}

/** From responses and their grades to a case, or to the reason why a row has none. */
import { conversationWarnings } from "../../prompt/conversation-warnings.ts";
import { missingCell } from "../../prompt/csv-cells.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import { type CaseResponse, type Comparison, comparisonsByGrade, type PromptCase } from "../case.ts";
import { type Adapted, type AdaptOptions, isSame } from "./adapter.ts";

/**
 * Compares responses of different grades; two with the same text are not compared.
 *
 * @param tied the reason to skip a row whose responses all have the same grade
 */
export function compared(
  responses: readonly CaseResponse[],
  options: AdaptOptions,
  names: Pick<PromptCase, "id" | "subset"> = {},
  tied = "all tied",
): Adapted {
  const different = comparisonsByGrade(responses);
  const comparisons = ofDifferentTexts(different, responses);
  if (comparisons.length > 0 || options.unordered) {
    const warnings = warningsOf(responses, options);
    return { case: { responses, comparisons, ...names }, ...(warnings.length > 0 ? { warnings } : {}) };
  }
  if (different.length > 0) return { omitted: "same text" };
  return { omitted: responses.filter(({ grade }) => grade !== undefined).length < 2 ? "fewer than two ranked" : tied };
}

/** A case without its comparisons of the same text: no model can tell these apart. */
export function withoutSameText(adapted: Adapted, options: AdaptOptions): Adapted {
  if (!("case" in adapted) || options.unordered) return adapted;
  const comparisons = ofDifferentTexts(adapted.case.comparisons, adapted.case.responses);
  return comparisons.length === 0 ? { omitted: "same text" } : { ...adapted, case: { ...adapted.case, comparisons } };
}

function ofDifferentTexts(all: readonly Comparison[], responses: readonly CaseResponse[]): readonly Comparison[] {
  return all.filter(({ better, worse }) => {
    const [one, other] = [responses[better], responses[worse]];
    return one !== undefined && other !== undefined && !isSame(one.item, other.item);
  });
}

function warningsOf(responses: readonly CaseResponse[], { isCsv = false }: AdaptOptions): ItemWarning[] {
  const byCode = new Map<string, ItemWarning>();
  for (const { item } of responses)
    for (const warning of [...conversationWarnings(item), ...(isCsv ? missingCell(item) : [])])
      byCode.set(warning.code, byCode.get(warning.code) ?? warning);
  return [...byCode.values()];
}

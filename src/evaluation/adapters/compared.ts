/** From responses and their grades to a case, or to the reason why a row has none. */
import { conversationWarnings } from "../../prompt/conversation-warnings.ts";
import { missingCell } from "../../prompt/csv-cells.ts";
import type { CheckedItem } from "../../prompt/items.ts";
import type { ItemWarning } from "../../prompt/warnings.ts";
import { type CaseResponse, type Comparison, comparisonsByGrade, type PromptCase } from "../case.ts";
import { type Adapted, type AdaptOptions, isSame } from "./adapter.ts";

/** Of a row whose comparisons all miss an answer. */
export const NO_ANSWER = "no answer";

/**
 * Compares responses of different grades; two with the same text are not compared, and neither is one without a text: there the
 * answer is missing from the data.
 *
 * @param tied the reason to skip a row whose responses all have the same grade
 */
export function compared(
  responses: readonly CaseResponse[],
  options: AdaptOptions,
  names: Pick<PromptCase, "id" | "subset"> = {},
  tied = "all tied",
): Adapted {
  const comparisons = comparisonsByGrade(responses);
  if (comparisons.length > 0 || options.unordered)
    return withoutSameText({ case: { responses, comparisons, ...names } }, options);
  return { omitted: responses.filter(({ grade }) => grade !== undefined).length < 2 ? "fewer than two ranked" : tied };
}

/** A case without its comparisons of the same text, which no model can tell apart, and of responses without a text. */
export function withoutSameText(adapted: Adapted, options: AdaptOptions): Adapted {
  if (!("case" in adapted)) return adapted;
  const { case: given, warnings = [] } = adapted;
  const responses = given.responses.map((response) =>
    isEmpty(response.item) ? { ...response, grade: undefined } : response,
  );
  const answered = given.comparisons.filter(({ better, worse }) =>
    [better, worse].every((i) => !isEmpty((responses[i] as CaseResponse).item)),
  );
  const comparisons = ofDifferentTexts(answered, responses);
  if (comparisons.length === 0 && !options.unordered)
    return { omitted: answered.length < given.comparisons.length ? NO_ANSWER : "same text" };
  const all = [...warnings, ...warningsOf(responses, options)];
  return { case: { ...given, responses, comparisons }, ...(all.length > 0 ? { warnings: all } : {}) };
}

/** A text as it is has no response apart. */
function isEmpty(item: CheckedItem): boolean {
  if ("text" in item) return false;
  const response = "response" in item ? item.response : (item.messages.at(-1)?.content ?? "");
  return response.trim() === "";
}

function ofDifferentTexts(all: readonly Comparison[], responses: readonly CaseResponse[]): readonly Comparison[] {
  return all.filter(({ better, worse }) => {
    const [one, other] = [responses[better], responses[worse]];
    return one !== undefined && other !== undefined && !isSame(one.item, other.item);
  });
}

/** A shorter prompt may be what an answer begins with. */
const MIN_PROMPT_CHARACTERS = 10;

function repeatsPrompt(item: CheckedItem): boolean {
  if ("text" in item) return false;
  const [prompt, response] =
    "prompt" in item
      ? [item.prompt, item.response]
      : [item.messages.at(-2)?.content ?? "", item.messages.at(-1)?.content ?? ""];
  const asked = prompt.trim();
  return asked.length >= MIN_PROMPT_CHARACTERS && response.trimStart().startsWith(asked);
}

function warningsOf(responses: readonly CaseResponse[], options: AdaptOptions): ItemWarning[] {
  const { isCsv = false } = options;
  const byCode = new Map<string, ItemWarning>();
  for (const { item } of responses)
    for (const warning of [...conversationWarnings(item), ...(isCsv ? missingCell(item) : [])])
      byCode.set(warning.code, byCode.get(warning.code) ?? warning);
  if (!options.unordered && responses.some(({ item }) => isEmpty(item)))
    byCode.set("EMPTY_RESPONSE", { code: "EMPTY_RESPONSE", token: "" });
  if (responses.length > 1 && responses.every(({ item }) => repeatsPrompt(item)))
    byCode.set("PROMPT_IN_RESPONSES", { code: "PROMPT_IN_RESPONSES", token: "" });
  return [...byCode.values()];
}

/** POST /v1/rank: one prompt or conversation and its responses, best first. Pure. */
import { InvalidInputError, invalidArgument } from "../../errors.ts";
import { anInteger } from "../../options.ts";
import { isObject } from "../../prompt/input-fields.ts";
import type { CheckedItem } from "../../prompt/items.ts";
import { MAX_RESPONSES_PER_ROW, rowItems } from "../../prompt/row-items.ts";
import type { ScoreDirection } from "../../reward-head.ts";
import { ranksOf } from "../../scoring/ranks.ts";
import type { ScoreRules, ServedScore } from "../contract.ts";
import type { WorkItem } from "../queue/work.ts";
import { readRules, refuseUnknown, SCORING_FIELDS } from "./fields.ts";
import { scoreFields, warningFields } from "./score.ts";

export interface RankCall {
  readonly items: readonly WorkItem[];
  readonly rules: ScoreRules;
  /** How many are answered. */
  readonly topN: number;
}

const FIELDS = ["prompt", "messages", "system", "responses", "topN", ...SCORING_FIELDS] as const;
const aTopN = anInteger(1, MAX_RESPONSES_PER_ROW);

/** @throws InvalidInputError */
export function readRankCall(body: unknown): RankCall {
  if (!isObject(body)) throw wrong('Expected {"prompt": "…", "responses": ["…", "…"]} as the body.');
  const rules = readRules(body);
  const { ignoreFields = [] } = rules;
  refuseUnknown(body, [...FIELDS, ...ignoreFields]);
  const { prompt, messages, system, responses } = body;
  const topN = body["topN"] ?? Number.POSITIVE_INFINITY;
  if (topN !== Number.POSITIVE_INFINITY && aTopN(topN) !== undefined)
    throw invalidArgument("topN", aTopN(topN) as string, topN);
  if (responses === undefined || responses === null)
    throw wrong('The field "responses" is missing: expected a list of strings.');
  // Nothing to rank is ranked.
  if (Array.isArray(responses) && responses.length === 0) return { items: [], rules, topN: 0 };
  const { items } = rowItems({ prompt, messages, system, responses }, { where: "body", ignoreFields });
  return {
    items: items.map((item, i) => ({ item, name: `responses[${i}]` })),
    rules,
    topN: topN as number,
  };
}

function wrong(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message);
}

/** One response, as soon as it is scored. */
export function rankedLine(index: number, result: ServedScore): object {
  return { index, ...scoreFields(result) };
}

/** Best first; equal scores share the better rank and keep the order of the responses. */
export function ranking(call: RankCall, results: readonly ServedScore[], direction: ScoreDirection): object[] {
  const ranks = ranksOf(
    results.map(({ score }) => score),
    direction,
  );
  return results
    .map((result, index) => ({ rank: ranks[index] as number, index, result }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .slice(0, call.topN)
    .map(({ rank, index, result }) => ({
      rank,
      index,
      ...scoreFields(result),
      ...warningFields([result], { items: [call.items[index] as WorkItem] }),
      response: responseOf(call.items[index]?.item),
    }));
}

/** An item of this call is a response to a prompt. */
function responseOf(item: CheckedItem | undefined): string | undefined {
  if (item === undefined || "text" in item) return undefined;
  return "response" in item ? item.response : item.messages.at(-1)?.content;
}

/** POST /v1/score: rows as `starling-rm score` reads them, and its results. Pure. */
import { InvalidInputError, isStarlingError } from "../../errors.ts";
import { type Fields, isObject } from "../../prompt/input-fields.ts";
import { CONTENT_FIELDS, rowItems } from "../../prompt/row-items.ts";
import { strictError } from "../../prompt/warnings.ts";
import type { ScoreDirection } from "../../reward-head.ts";
import { ranksOf } from "../../scoring/ranks.ts";
import type { ScoreRules, ServedScore } from "../contract.ts";
import type { WorkItem } from "../queue/work.ts";
import { problemFields, toRequestError } from "../request-error.ts";
import { readRules, refuseUnknown, SCORING_FIELDS } from "./fields.ts";

/** One row of a request. */
export interface OwnRow {
  readonly items: readonly WorkItem[];
  /** Whether it has "responses", and so gets lists of results. */
  readonly many: boolean;
  /** Why nothing of it can be scored. */
  readonly error?: unknown;
}

export interface ScoreCall {
  readonly rows: readonly OwnRow[];
  readonly rules: ScoreRules;
}

/** Whether a body is a row or a list: other wire formats have other names for texts. */
export function isScoreCall(body: unknown): boolean {
  return !isObject(body) || CONTENT_FIELDS.some((name) => body[name] !== undefined && body[name] !== null);
}

/** @throws InvalidInputError for the request as a whole; a row that is wrong has its error */
export function readScoreCall(body: unknown): ScoreCall {
  if (Array.isArray(body)) return { rows: rowsOf(body, {}), rules: {} };
  if (!isObject(body)) {
    throw new InvalidInputError("ERR_INVALID_ITEM", 'Expected {"items": […]}, an item or a list of items as the body.');
  }
  const rules = readRules(body);
  const { items } = body;
  if (items === undefined || items === null) return { rows: [rowOf(withoutRules(body), "item", rules)], rules };
  refuseUnknown(body, ["items", ...SCORING_FIELDS]);
  const list: readonly unknown[] = Array.isArray(items) ? items : [items];
  return { rows: rowsOf(list, rules), rules };
}

function rowsOf(values: readonly unknown[], rules: ScoreRules): OwnRow[] {
  return values.map((value, i) => rowOf(value, `items[${i}]`, rules));
}

function rowOf(value: unknown, where: string, { ignoreFields }: ScoreRules): OwnRow {
  try {
    const { items, many } = rowItems(value, { where, ignoreFields });
    const name = (i: number) => (many ? `${where}.responses[${i}]` : where);
    return { items: items.map((item, i) => ({ item, name: name(i) })), many };
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    return { items: [], many: false, error };
  }
}

/** A single item has its options beside its texts. */
function withoutRules(body: Fields): Fields {
  const entries = Object.entries(body).filter(([name]) => !SCORING_FIELDS.some((own) => own === name));
  return Object.fromEntries(entries);
}

export type ItemOutcome = ServedScore | { readonly error: unknown };

/** A line of the answer, from what became of the row's items. */
export function rowResult(
  index: number,
  row: OwnRow,
  outcomes: readonly ItemOutcome[],
  direction: ScoreDirection,
): object {
  const failed = row.error ?? outcomes.find((outcome) => "error" in outcome)?.error;
  if (failed !== undefined) return { index, error: errorFields(failed) };
  const scored = outcomes as readonly ServedScore[];
  const [first] = scored;
  if (!row.many && first !== undefined) return { index, ...scoreFields(first), ...warningFields([first], row) };
  const scores = scored.map(({ score }) => score);
  return {
    index,
    scores,
    ranks: ranksOf(scores, direction),
    tokenCount: scored.map(({ tokenCount }) => tokenCount),
    truncated: scored.map(({ truncated }) => truncated),
    ...listOf("tokenRewards", scored),
    ...listOf("headScores", scored),
    ...warningFields(scored, row),
  };
}

export function scoreFields({ score, tokenCount, truncated, tokenRewards, headScores }: ServedScore): object {
  return {
    score,
    tokenCount,
    truncated,
    ...(tokenRewards === undefined ? {} : { tokenRewards }),
    ...(headScores === undefined ? {} : { headScores }),
  };
}

function listOf(name: "tokenRewards" | "headScores", scored: readonly ServedScore[]): object {
  return scored[0]?.[name] === undefined ? {} : { [name]: scored.map((result) => result[name]) };
}

/** Each kind of warning once, with a sentence about the first item that has it. */
export function warningFields(scored: readonly ServedScore[], { items }: Pick<OwnRow, "items">): object {
  const warnings = new Map<string, object>();
  for (const [i, { warnings: own = [] }] of scored.entries()) {
    for (const warning of own) {
      if (warnings.has(warning.code)) continue;
      warnings.set(warning.code, { ...warning, message: strictError(warning, items[i]?.name ?? "item").message });
    }
  }
  return warnings.size === 0 ? {} : { warnings: [...warnings.values()] };
}

export function errorFields(error: unknown): object {
  return problemFields(isStarlingError(error) ? error : toRequestError(error).problem);
}

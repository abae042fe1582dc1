/** A row of a file as the items that it asks to score: one, or one for each of its responses. */
import { InvalidInputError } from "../errors.ts";
import { type Fields, fieldNames, type ItemRules, isObject, refuseUnreadInput } from "./input-fields.ts";
import { type CheckedItem, checkItem, checkPrompt, checkString, givenFields, itemOf, systemTurn } from "./items.ts";

export interface RowItems {
  readonly items: readonly CheckedItem[];
  /** Whether it has "responses", and so gets lists of results. */
  readonly many: boolean;
}

/** The fields that say what to score. */
export const CONTENT_FIELDS = ["text", "prompt", "response", "responses", "messages", "system"] as const;

/** Most responses of one row: far above every best of n, and few enough that their results fit in memory together. */
export const MAX_RESPONSES_PER_ROW = 65_536;

const SHAPES = '{"text"}, {"prompt","response"}, {"prompt","responses"} or {"messages"}';

/**
 * What a row says is to be scored. Fields that are null are absent.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM, ERR_EMPTY_TEXT or ERR_INVALID_UNICODE
 */
export function rowItems(value: unknown, rules: ItemRules = {}): RowItems {
  if (!isObject(value)) throw wrong(`Expected an object of the shape ${SHAPES}, but it is ${kindOf(value)}.`);
  const given = givenFields(value, CONTENT_FIELDS, rules);
  if (CONTENT_FIELDS.every((name) => name === "system" || given[name] === undefined))
    throw wrong(`Expected one of ${SHAPES}, but the row ${fieldNames(value)}.`);
  if (given["prompt"] !== undefined && given["response"] === undefined && given["responses"] === undefined)
    throw wrong(`Expected "response" or "responses" beside "prompt", but the row ${fieldNames(value)}.`);
  if (given["responses"] === undefined) return { items: [checkItem(value, "row", rules)], many: false };
  refuseUnreadInput(value, "row", rules, CONTENT_FIELDS);
  return { items: responseItems(given, rules), many: true };
}

function responseItems(given: Fields, rules: ItemRules): CheckedItem[] {
  const { responses } = given;
  for (const other of ["text", "response", "messages"])
    if (given[other] !== undefined) throw wrong(`It has both "responses" and "${other}": leave one of them out.`);
  if (given["prompt"] === undefined) throw wrong("Expected a string or messages for prompt, but it is left out.");
  const prompt = checkPrompt(given["prompt"], "prompt", rules);
  const system = systemTurn(given, "row");
  if (!Array.isArray(responses)) throw wrong(`Expected an array of strings for responses, not ${kindOf(responses)}.`);
  if (responses.length === 0) throw wrong("responses is empty: there is nothing to score.");
  if (responses.length > MAX_RESPONSES_PER_ROW)
    throw wrong(`responses has ${responses.length} elements; at most ${MAX_RESPONSES_PER_ROW} are scored in a row.`);
  return responses.map((response: unknown, i) =>
    itemOf(prompt, checkString(response, `responses[${i}]`), system, "row"),
  );
}

function wrong(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "left out";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

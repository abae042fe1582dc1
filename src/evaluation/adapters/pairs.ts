/**
 * Preferences of one's own, in the layouts that people have:
 *
 *     {"prompt", "chosen", "rejected"}        texts; or lists of messages, as in TRL: whole conversations, or the turns
 *                                             that follow the prompt
 *     {"prompt", "responses", "ranks"}        1 is the best, equal ranks are ties, null is unranked
 *     {"prompt", "responses", "grades"}       the same, higher is better
 *     {"prompt", "responses"}                 where no order is needed
 *
 * The prompt is a text or a list of messages, which may be called "messages", too. "id" and "subset" are kept.
 */
import { InvalidInputError } from "../../errors.ts";
import type { ChatMessage, ScoreItem } from "../../prompt/items.ts";
import { type CaseResponse, comparisonsByGrade } from "../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  contextOf,
  conversationOf,
  type Fields,
  fieldsOf,
  isSame,
  itemOf,
  listOf,
  messagesOf,
  namesOf,
  numberOf,
  textsOf,
  wrong,
} from "./adapter.ts";

const SHAPES = '{"prompt","chosen","rejected"} or {"prompt","responses","ranks"}';

/** Of a row's fields, in a message of one line. */
const MAX_NAMES = 8;
const MAX_NAME_CHARACTERS = 40;

type Context = string | readonly ChatMessage[] | undefined;

export function adaptPairs(row: unknown, { unordered = false }: AdaptOptions = {}): Adapted {
  const fields = fieldsOf(row);
  const isPair = isGiven(fields, "chosen") || isGiven(fields, "rejected");
  if (isPair === isGiven(fields, "responses")) throw wrongShape(fields);
  const responses = isPair ? pairOf(fields) : rankedOf(fields, unordered);
  const different = comparisonsByGrade(responses);
  const comparisons = different.filter(({ better, worse }) => {
    const [one, other] = [responses[better], responses[worse]];
    return one !== undefined && other !== undefined && !isSame(one.item, other.item);
  });
  if (comparisons.length > 0 || unordered) return { case: { responses, comparisons, ...namesOf(fields) } };
  if (different.length > 0) return { omitted: "same text" };
  return {
    omitted: responses.filter(({ grade }) => grade !== undefined).length < 2 ? "fewer than two ranked" : "all tied",
  };
}

/** Names the fields that are there: a CSV file with another separator has one, of all names together. */
function wrongShape(fields: Fields): InvalidInputError {
  const names = Object.keys(fields);
  const shown = names.slice(0, MAX_NAMES).map((name) => JSON.stringify(shortened(name)));
  const there = names.length === 0 ? "none" : `${shown.join(", ")}${names.length > MAX_NAMES ? " and others" : ""}`;
  return new InvalidInputError("ERR_INVALID_ITEM", `Expected ${SHAPES} for the row, but its fields are ${there}.`, {
    field: "the row",
  });
}

function shortened(name: string): string {
  return name.length > MAX_NAME_CHARACTERS ? `${name.slice(0, MAX_NAME_CHARACTERS - 1)}…` : name;
}

function pairOf(fields: Fields): CaseResponse[] {
  const context = promptOf(fields);
  return (["chosen", "rejected"] as const).map((name) => ({
    item: sideOf(fields, name, context),
    grade: name === "chosen" ? 1 : 0,
    label: name,
  }));
}

function sideOf(fields: Fields, name: string, context: Context): ScoreItem {
  const side = contextOf(fields, name);
  if (typeof side === "string") {
    if (context === undefined) throw wrong("a text or a list of messages", "prompt", undefined);
    return itemOf(context, side);
  }
  const before: readonly ChatMessage[] =
    typeof context === "string" ? [{ role: "user", content: context }] : (context ?? []);
  // What begins with a turn of the user, or with the prompt's own turns, is the whole conversation.
  const isWhole = before.length === 0 || side[0]?.role !== "assistant";
  if (isWhole && typeof context === "object" && !startsWith(side, context))
    throw wrong("the turns that follow the prompt, or the prompt's and then these,", name, side);
  return conversationOf({ [name]: isWhole ? side : [...before, ...side] }, name);
}

function startsWith(messages: readonly ChatMessage[], start: readonly ChatMessage[]): boolean {
  return start.every(({ role, content }, i) => messages[i]?.role === role && messages[i]?.content === content);
}

function rankedOf(fields: Fields, unordered: boolean): CaseResponse[] {
  const context = promptOf(fields);
  if (context === undefined) throw wrong("a text or a list of messages", "prompt", undefined);
  const responses = textsOf(fields, "responses");
  if (responses.length < 2) throw wrong("two or more responses", "responses", responses);
  const name = isGiven(fields, "grades") ? "grades" : "ranks";
  if (name === "grades" && isGiven(fields, "ranks"))
    throw wrong("ranks or grades, not both,", "grades", fields["grades"]);
  if (unordered && !isGiven(fields, name))
    return responses.map((response) => ({ item: itemOf(context, response), grade: undefined }));
  const order = listOf(fields, name);
  if (order.length !== responses.length)
    throw wrong(`as many as there are responses (${responses.length})`, name, order);
  return responses.map((response, i) => {
    const value = order[i];
    const isUnknown = value === null || value === undefined;
    const number = isUnknown ? undefined : numberOf(value, `${name}[${i}]`);
    return {
      item: itemOf(context, response),
      grade: number === undefined || name === "grades" ? number : 0 - number,
    };
  });
}

function promptOf(fields: Fields): Context {
  // Sets for training often repeat the chosen conversation as "messages": the prompt is what counts.
  if (isGiven(fields, "prompt")) return contextOf(fields, "prompt");
  return isGiven(fields, "messages") ? messagesOf(fields, "messages") : undefined;
}

function isGiven(fields: Fields, name: string): boolean {
  return fields[name] !== undefined && fields[name] !== null;
}

/** What `score` reads, as a case without any order: a response, a conversation, a text, or several responses to a prompt. */
import { conversationWarnings } from "../../prompt/conversation-warnings.ts";
import { rowItems } from "../../prompt/row-items.ts";
import { type Adapted, type AdaptOptions, fieldsOf, namesOf } from "./adapter.ts";

const PREFERENCE = ["chosen", "rejected", "responses"];

/** Whether the row has several responses, so that it may have an order. */
export function isPreference(row: unknown): boolean {
  const fields = fieldsOf(row);
  return PREFERENCE.some((name) => fields[name] !== undefined && fields[name] !== null);
}

/** @param from the row's names of its fields, where they differ from ours */
export function adaptItems(row: unknown, options: AdaptOptions, from: ReadonlyMap<string, readonly string[]>): Adapted {
  const { items, warnings } = rowItems(row, { ...options, from });
  const own = [...warnings, ...items.flatMap((item) => conversationWarnings(item))];
  return {
    case: { responses: items.map((item) => ({ item, grade: undefined })), comparisons: [], ...namesOf(fieldsOf(row)) },
    ...(own.length > 0 ? { warnings: own } : {}),
  };
}

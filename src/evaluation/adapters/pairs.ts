/**
 * Your own preference data, in the common layouts:
 *
 *     {"prompt", "chosen", "rejected"}        texts, or lists of messages as in TRL: whole conversations, or the turns
 *                                             after the prompt
 *     {"prompt", "responses", "ranks"}        1 is best, equal ranks are ties, null is unranked
 *     {"prompt", "responses", "grades"}       the same, but higher is better
 *     {"prompt", "responses"}                 if no order is needed
 *
 * The prompt is text or a list of messages, and may be called "messages". "system" adds a system turn. "id" and "subset" are
 * kept.
 */
import { InvalidInputError } from "../../errors.ts";
import { readList, refuseListCell } from "../../prompt/csv-cells.ts";
import { type CheckedItem, systemTurn, withSystem } from "../../prompt/items.ts";
import { type ChatMessage, isMessage, refuseLastTurn } from "../../prompt/messages.ts";
import { transcriptWarning } from "../../prompt/transcript.ts";
import type { CaseResponse } from "../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  contextOf,
  conversationOf,
  type Fields,
  fieldsOf,
  inContext,
  listOf,
  messagesOf,
  namesOf,
  numberOf,
  refuseTooMany,
  rowFields,
  textsOf,
  wrong,
  wrongShape,
} from "./adapter.ts";
import { answerItem, isAskedFor } from "./answers.ts";
import { compared } from "./compared.ts";
import { parseDialogue } from "./dialogue.ts";
import { refuseLostMessages, refuseLostPrompt } from "./pair-checks.ts";
import { refuseUnreadPrompt } from "./unread-prompt.ts";

const SHAPES = '{"prompt","chosen","rejected"} or {"prompt","responses","ranks"}';
const READ = ["prompt", "messages", "system", "chosen", "rejected", "responses", "ranks", "grades"];

/** What is read where there is a prompt. */
const OTHERS = READ.filter((name) => name !== "messages");

type Context = string | readonly ChatMessage[] | undefined;

export function adaptPairs(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, SHAPES, READ);
  if (options.isCsv) for (const name of ["prompt", "chosen", "rejected"]) refuseListCell(fields[name], name);
  const isPair = isGiven(fields, "chosen") || isGiven(fields, "rejected");
  if (isPair === isGiven(fields, "responses")) throw wrongShape(SHAPES, fieldsOf(row));
  const responses = isPair ? pairOf(fields, options) : rankedOf(fields, options);
  if (isGiven(fields, "prompt")) refuseOtherMessages(fields, responses, options);
  // distilabel's judges saw no difference (argilla/distilabel-intel-orca-dpo-pairs); chosen and rejected are the original ones.
  if (isPair && fields["status"] === "tie" && !options.unordered) return { omitted: "tie" };
  return compared(responses, options, namesOf(fields));
}

function pairOf(fields: Fields, options: AdaptOptions): CaseResponse[] {
  const { differentPrompts = "refuse" } = options;
  const context = contextOfRow(fields, options);
  const system = systemTurn(fields, "The row");
  const responses = (["chosen", "rejected"] as const).map((name) => ({
    item: sideOf(fields, name, context, system, options),
    grade: name === "chosen" ? 1 : 0,
    label: name,
  }));
  const [chosen, rejected] = responses.map(({ item }) => turnsBefore(item)) as [Turns, Turns];
  if (differentPrompts === "refuse" && JSON.stringify(chosen) !== JSON.stringify(rejected)) {
    const turn = chosen.findIndex((text, i) => text !== rejected[i]);
    const message =
      `chosen and rejected answer different prompts: their conversations differ at turn ${turn < 0 ? chosen.length + 1 : turn + 1}, ` +
      'before the last one. To compare them anyway, use --different-prompts allow (differentPrompts: "allow").';
    throw new InvalidInputError("ERR_INVALID_ITEM", message, { field: "rejected" });
  }
  return responses;
}

type Turns = readonly string[];

/** The turns before the response, each as text; a response that is a transcript, and is not asked for, adds its own. */
function turnsBefore(item: CheckedItem): Turns {
  if ("text" in item) return [];
  const messages =
    "messages" in item ? item.messages : [{ role: "user", content: item.prompt }, asResponse(item.response)];
  const [before, response] = [messages.slice(0, -1), messages.at(-1)?.content ?? ""];
  const written = isAskedFor(response, before) ? [] : (parseDialogue(response) ?? []);
  const inside = written.at(-1)?.role === "assistant" ? written.slice(0, -1) : [];
  return [...before, ...inside].map(({ role, content }) => `${role}: ${content}`);
}

/** Beside a prompt, "messages" are not read: they must begin with what is scored before the response. */
function refuseOtherMessages(fields: Fields, responses: readonly CaseResponse[], options: AdaptOptions): void {
  const value = readList(fields["messages"], "messages");
  if (!Array.isArray(value) || value.length === 0 || !value.every(isMessage)) {
    refuseUnreadPrompt(fields, OTHERS);
    return;
  }
  const messages = messagesOf(fields, "messages", options);
  const scored = messagesBefore((responses[0] as CaseResponse).item);
  const isSystemApart = scored[0]?.role === "system" && messages[0]?.role !== "system";
  refuseLostMessages(messages, isSystemApart ? scored.slice(1) : scored);
}

function messagesBefore(item: CheckedItem): readonly ChatMessage[] {
  if ("text" in item) return [];
  return "messages" in item ? item.messages.slice(0, -1) : [{ role: "user", content: item.prompt }];
}

function asResponse(content: string): ChatMessage {
  return { role: "assistant", content };
}

function sideOf(
  fields: Fields,
  name: string,
  context: Context,
  system: string | undefined,
  options: AdaptOptions,
): CheckedItem {
  if (!isGiven(fields, name)) throw wrong("a string or a list of messages", name, undefined);
  const side = contextOf(fields, name, options);
  if (typeof side === "string") {
    if (context === undefined) throw noPrompt(side, name);
    refuseLastOf(context, fields);
    return answerItem(inContext(system, context), side, name);
  }
  const before: readonly ChatMessage[] =
    typeof context === "string" ? [{ role: "user", content: context }] : (context ?? []);
  // A side that does not begin with the assistant is the whole conversation, prompt included.
  const isWhole = before.length === 0 || side[0]?.role !== "assistant";
  if (isWhole && typeof context === "object" && !startsWith(side, context))
    throw wrong("the turns that follow the prompt, or the prompt's and then these,", name, side);
  if (isWhole && typeof context === "string") refuseLostPrompt(context, side, name);
  if (!isWhole && context !== undefined) refuseLastOf(context, fields);
  const messages = isWhole ? side : [...before, ...side];
  return conversationOf({ [name]: withSystem(system, messages, "The row") }, name, options);
}

function refuseLastOf(context: string | readonly ChatMessage[], fields: Fields): void {
  if (typeof context !== "string") refuseLastTurn(context, isGiven(fields, "prompt") ? "prompt" : "messages", "user");
}

function noPrompt(side: string, name: string): InvalidInputError {
  const advice =
    transcriptWarning(side) === undefined
      ? ""
      : ` ${name} is a transcript: write it as a list of messages (docs/cookbook.md has the command).`;
  return wrong("a string or a list of messages", "prompt", undefined, advice);
}

function startsWith(messages: readonly ChatMessage[], start: readonly ChatMessage[]): boolean {
  return start.every(({ role, content }, i) => messages[i]?.role === role && messages[i]?.content === content);
}

function rankedOf(fields: Fields, options: AdaptOptions): CaseResponse[] {
  const { unordered = false } = options;
  const raw = contextOfRow(fields, options);
  if (raw === undefined) throw wrong("a string or a list of messages", "prompt", undefined);
  refuseLastOf(raw, fields);
  const context = inContext(systemTurn(fields, "The row"), raw);
  const responses = textsOf(fields, "responses");
  if (responses.length < 2) throw wrong("two or more responses", "responses", responses);
  refuseTooMany(responses, "responses");
  const name = isGiven(fields, "grades") ? "grades" : "ranks";
  if (name === "grades" && isGiven(fields, "ranks"))
    throw wrong("ranks or grades, not both,", "grades", fields["grades"]);
  if (unordered && !isGiven(fields, name))
    return responses.map((response, i) => ({
      item: answerItem(context, response, `responses[${i}]`),
      grade: undefined,
    }));
  const order = listOf(fields, name);
  if (order.length !== responses.length)
    throw wrong(`as many as there are responses (${responses.length})`, name, order);
  return responses.map((response, i) => {
    const value = order[i];
    const isUnknown = value === null || value === undefined;
    const number = isUnknown ? undefined : numberOf(value, `${name}[${i}]`);
    return {
      item: answerItem(context, response, `responses[${i}]`),
      grade: number === undefined || name === "grades" ? number : 0 - number,
    };
  });
}

function contextOfRow(fields: Fields, options: AdaptOptions): Context {
  // Training sets often repeat the chosen conversation as "messages", so "prompt" takes precedence.
  if (isGiven(fields, "prompt")) return contextOf(fields, "prompt", options);
  return isGiven(fields, "messages") ? messagesOf(fields, "messages", options) : undefined;
}

function isGiven(fields: Fields, name: string): boolean {
  return fields[name] !== undefined && fields[name] !== null;
}

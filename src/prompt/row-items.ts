/** A row of a file as the items that it asks to score: one, or one for each of its responses. */
import { InvalidInputError } from "../errors.ts";
import { COMMON_NAMES } from "./common-names.ts";
import { asParsed, missingCell, refuseListCell } from "./csv-cells.ts";
import { type Fields, fieldNames, type ItemRules, isObject, plainName, refuseUnreadInput } from "./input-fields.ts";
import { type CheckedItem, checkItem, checkPrompt, givenFields, itemOf, systemTurn } from "./items.ts";
import { refuseLostType } from "./lost-type.ts";
import { checkText, checkTurnList, isMessage, refuseLastTurn } from "./messages.ts";
import { rowAdvice } from "./row-advice.ts";
import { transcriptWarning } from "./transcript.ts";
import { onlyAnswer } from "./turns.ts";
import type { ItemWarning } from "./warnings.ts";

export interface RowItems {
  readonly items: readonly CheckedItem[];
  /** Whether it has "responses", and so gets lists of results. */
  readonly many: boolean;
  /** What is suspicious in the row itself, whatever the model. */
  readonly warnings: readonly ItemWarning[];
}

export interface RowItemRules extends ItemRules {
  /** Every value of the row is a text: it is of a CSV file. Default: false. */
  readonly isCsv?: boolean;
  /** The row's names of its fields, where they differ from ours. */
  readonly from?: ReadonlyMap<string, readonly string[]>;
}

/** The fields that say what to score. */
export const CONTENT_FIELDS = ["text", "prompt", "response", "responses", "messages", "system"] as const;
/** Those that hold one text in a CSV cell. */
const TEXT_FIELDS = ["text", "response", "system"] as const;

/** Most responses of one row: far above every best of n, and few enough that their results fit in memory together. */
export const MAX_RESPONSES_PER_ROW = 65_536;

export const ROW_SHAPES =
  '{"text"}, {"prompt","response"}, {"prompt","responses"}, {"messages"} or {"messages","responses"}';

/**
 * What a row says is to be scored. Fields that are null are absent.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM, ERR_EMPTY_TEXT or ERR_INVALID_UNICODE
 */
export function rowItems(value: unknown, rules: RowItemRules = {}): RowItems {
  if (!isObject(value)) throw wrong(`Expected an object of the shape ${ROW_SHAPES}, but it is ${kindOf(value)}.`);
  const given = givenFields(value, CONTENT_FIELDS, rules);
  if (rules.isCsv) refuseCells(given);
  refuseIncomplete(value, given, rules);
  const read = withLists(given, rules);
  const rest = Object.entries(value).filter(([name]) => !CONTENT_FIELDS.some((own) => own === name));
  const row: Fields = Object.fromEntries([...rest, ...Object.entries(read)]);
  const many = read["responses"] !== undefined;
  if (many) refuseUnreadInput(row, "row", rules, CONTENT_FIELDS);
  const items = many ? responseItems(read, rules) : [checkItem(row, "row", rules)];
  return { items, many, warnings: rules.isCsv ? items.flatMap(missingCell) : [] };
}

/** A row without a part of what is to be scored. */
function refuseIncomplete(value: Fields, given: Fields, { from, isCsv = false }: RowItemRules): void {
  const isGiven = (name: string) => given[name] !== undefined;
  const names = fieldNames(value, from);
  if (CONTENT_FIELDS.every((name) => name === "system" || !isGiven(name))) {
    const advice = rowAdvice(value);
    const rest = advice === undefined ? ` (--field prompt=NAME --field response=NAME reads others).` : `. ${advice}`;
    throw wrong(`Expected one of ${ROW_SHAPES}, but the row ${names}${rest}`);
  }
  const response = ["response", "responses"].find(isGiven);
  if (response === undefined && isGiven("prompt")) {
    refuseNull(value, ["response", "responses"], { beside: "prompt", isCsv, from });
    throw wrong(
      `Expected "response" or "responses" beside "prompt", but the row ${names} (--field response=NAME reads it from another field).`,
    );
  }
  if (response === undefined || ["text", "prompt", "messages"].some(isGiven)) return;
  refuseNull(value, ["prompt", "messages"], { beside: response, isCsv, from });
  const expected = `Expected "prompt" or "messages" beside "${response}", but the row ${names}`;
  const transcript = transcriptAdvice(given[response], from?.get(response) ?? [response]);
  throw wrong(
    transcript === undefined
      ? `${expected} (--field prompt=NAME reads it from another field).`
      : `${expected}. ${transcript}`,
  );
}

/** A field that is there and has no value. */
function refuseNull(
  value: Fields,
  targets: readonly (keyof typeof COMMON_NAMES)[],
  { beside, isCsv, from }: { beside: string; isCsv: boolean; from: RowItemRules["from"] },
): void {
  const name = Object.keys(value).find(
    (one) => value[one] === null && targets.some((target) => COMMON_NAMES[target].includes(plainName(one))),
  );
  if (name === undefined) return;
  const shown = (from?.get(name) ?? [name]).map((one) => JSON.stringify(one)).join(" and ");
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `Expected ${targets.map((target) => JSON.stringify(target)).join(" or ")} beside "${beside}", but ${shown} is ` +
      `${isCsv ? "an empty cell" : "null"}: a row without it cannot be scored.`,
    { field: name },
  );
}

/** Preferences such as HH-RLHF's: every side is the whole conversation, as one text. */
function transcriptAdvice(response: unknown, names: readonly string[]): string | undefined {
  const texts: readonly unknown[] = Array.isArray(response) ? response : [response];
  if (!texts.every((text) => typeof text === "string" && transcriptWarning(text) !== undefined)) return undefined;
  const shown = names.map((name) => JSON.stringify(name)).join(" and ");
  const [is, its] = names.length === 1 ? ["is a whole conversation", "its"] : ["are whole conversations", "their"];
  const raw = names.map((name) => `--field text=${name}`).join(" or ");
  return (
    `${shown} ${is} written as one text, with the prompt in it: write ${its} turns as a list of messages ` +
    `(docs/cookbook.md has the command), or score the text as it is, without a chat template (score ${raw}).`
  );
}

/** Cells with what was a list before it was written: Python's text of it, or JSON where one text is expected. */
function refuseCells(given: Fields): void {
  for (const [name, cell] of Object.entries(given))
    if (typeof cell === "string") refuseLostType(cell, name, { isCell: true });
  for (const name of [...TEXT_FIELDS, "prompt"]) refuseListCell(given[name], name);
}

/** Lists that are JSON texts, as in cells, are lists; a conversation before a response is its prompt. */
function withLists(given: Fields, rules: ItemRules): Fields {
  const row: Record<string, unknown> = { ...given };
  for (const name of ["messages", "responses"]) if (name in row) row[name] = asParsed(row[name]);
  const prompt = asParsed(row["prompt"]);
  // A prompt may be any text, "[1, 2]" too.
  if (Array.isArray(prompt) && prompt.length > 0 && prompt.every(isMessage)) row["prompt"] = prompt;
  const answer = onlyAnswer(asParsed(row["response"]));
  if (answer !== undefined) row["response"] = answer;
  if (row["messages"] === undefined || row["prompt"] !== undefined || row["text"] !== undefined) return row;
  const name = row["responses"] === undefined ? "response" : "responses";
  if (row[name] === undefined) return row;
  // Here, because the message should name the field.
  const turns = checkTurnList(row["messages"], "messages", rules);
  if (turns.at(-1)?.role === "assistant")
    throw wrong(
      `messages ends with the assistant's turn, and the row has "${name}" beside it: leave out that turn, or "${name}".`,
    );
  refuseLastTurn(turns, "messages", "user");
  const { messages, ...others } = row;
  return { ...others, prompt: messages };
}

function responseItems(given: Fields, rules: ItemRules): CheckedItem[] {
  const { responses } = given;
  for (const other of ["text", "response", "messages"])
    if (given[other] !== undefined) throw wrong(`It has both "responses" and "${other}": leave one of them out.`);
  const prompt = checkPrompt(given["prompt"], "prompt", rules);
  const system = systemTurn(given, "row");
  if (!Array.isArray(responses)) throw wrong(`Expected an array of strings for responses, not ${kindOf(responses)}.`);
  if (responses.length === 0) throw wrong("responses is empty: there is nothing to score.");
  if (responses.length > MAX_RESPONSES_PER_ROW)
    throw wrong(`responses has ${responses.length} elements; at most ${MAX_RESPONSES_PER_ROW} are scored in a row.`);
  return responses.map((response: unknown, i) => itemOf(prompt, checkText(response, `responses[${i}]`), system, "row"));
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

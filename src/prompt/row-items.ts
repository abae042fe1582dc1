/** A row of a file as the items that it asks to score: one, or one for each of its responses. */
import { InvalidInputError } from "../errors.ts";
import { asParsed, missingCell, readList, refuseListCell, withoutDoubles } from "./csv-cells.ts";
import { refuseIncomplete } from "./incomplete-row.ts";
import { type Fields, type ItemRules, isObject, refuseUnreadInput } from "./input-fields.ts";
import { type CheckedItem, checkItem, checkPrompt, givenFields, itemOf, systemTurn } from "./items.ts";
import { refuseLostType } from "./lost-type.ts";
import { checkText, checkTurnList, isMessage, refuseLastTurn } from "./messages.ts";
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
  /** How messages name the row, where it is one of several: "items[3]". Default: "row", and its fields by their own names. */
  readonly where?: string | undefined;
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
  const { where = "row" } = rules;
  if (!isObject(value))
    throw wrong(`Expected an object of the shape ${ROW_SHAPES}${forItem(rules)}, but it is ${kindOf(value)}.`);
  const given = givenFields(value, CONTENT_FIELDS, rules);
  if (rules.isCsv) refuseCells(given);
  refuseIncomplete(value, given, ROW_SHAPES, rules);
  const read = withLists(given, rules);
  const rest = Object.entries(value).filter(([name]) => !CONTENT_FIELDS.some((own) => own === name));
  const row: Fields = Object.fromEntries([...rest, ...Object.entries(read)]);
  const many = read["responses"] !== undefined;
  if (many) refuseUnreadInput(row, where, rules, CONTENT_FIELDS);
  const items = many ? responseItems(read, rules) : [checkItem(row, where, rules)];
  return { items, many, warnings: rules.isCsv ? items.flatMap(missingCell) : [] };
}

function forItem({ where }: RowItemRules): string {
  return where === undefined ? "" : ` for ${where}`;
}

/** How messages call a field. */
function pathOf(name: string, { where }: RowItemRules): string {
  return where === undefined ? name : `${where}.${name}`;
}

/** Cells with what was a list before it was written: Python's text of it, or JSON where one text is expected. */
function refuseCells(given: Fields): void {
  for (const [name, cell] of Object.entries(given))
    if (typeof cell === "string") refuseLostType(cell, name, { isCell: true });
  for (const name of [...TEXT_FIELDS, "prompt"]) refuseListCell(given[name], name);
}

/** Lists that are JSON texts, as in cells, are lists; a conversation before a response is its prompt. */
function withLists(given: Fields, rules: RowItemRules): Fields {
  const row: Record<string, unknown> = { ...given };
  for (const name of ["messages", "responses"]) if (name in row) row[name] = readList(row[name], pathOf(name, rules));
  const prompt = asParsed(row["prompt"]);
  // A prompt may be any text, "[1, 2]" too.
  if (Array.isArray(prompt) && prompt.length > 0 && prompt.every(isMessage))
    row["prompt"] = withoutDoubles(row["prompt"], prompt, pathOf("prompt", rules));
  const response = asParsed(row["response"]);
  if (onlyAnswer(response) !== undefined)
    row["response"] = onlyAnswer(withoutDoubles(row["response"], response, pathOf("response", rules)));
  if (row["messages"] === undefined || row["prompt"] !== undefined || row["text"] !== undefined) return row;
  const name = row["responses"] === undefined ? "response" : "responses";
  if (row[name] === undefined) return row;
  // Here, because the message should name the field.
  const messagesName = pathOf("messages", rules);
  const turns = checkTurnList(row["messages"], messagesName, rules);
  if (turns.at(-1)?.role === "assistant")
    throw wrong(
      `${messagesName} ends with the assistant's turn, and ${rules.where ?? "the row"} has "${name}" beside it: leave out that ` +
        `turn, or "${name}".`,
    );
  refuseLastTurn(turns, messagesName, "user");
  const { messages, ...others } = row;
  return { ...others, prompt: messages };
}

function responseItems(given: Fields, rules: RowItemRules): CheckedItem[] {
  const { responses } = given;
  const { where = "row" } = rules;
  const name = pathOf("responses", rules);
  for (const other of ["text", "response", "messages"])
    if (given[other] !== undefined)
      throw wrong(`${rules.where ?? "It"} has both "responses" and "${other}": leave one of them out.`);
  const prompt = checkPrompt(given["prompt"], pathOf("prompt", rules), rules);
  const system = systemTurn(given, where);
  if (!Array.isArray(responses)) throw wrong(`Expected an array of strings for ${name}, not ${kindOf(responses)}.`);
  if (responses.length === 0) throw wrong(`${name} is empty: there is nothing to score.`);
  if (responses.length > MAX_RESPONSES_PER_ROW)
    throw wrong(`${name} has ${responses.length} elements; at most ${MAX_RESPONSES_PER_ROW} are scored in a row.`);
  return responses.map((response: unknown, i) => itemOf(prompt, checkText(response, `${name}[${i}]`), system, where));
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

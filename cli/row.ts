/** A row of input as work to do: one item, or one item for each of its responses. */
import { InvalidInputError, isStarlingError, type SourceRow, type StarlingError } from "../src/index.ts";
import { ownFields, rawMembers } from "./own-fields.ts";

export interface Row {
  /** From 0. */
  readonly index: number;
  /** How messages name it: `line 4`. */
  readonly where: string;
  /** Bytes of the input up to its end. */
  readonly endOffset: number;
  /** What to score; empty for a row with an `error`. */
  readonly items: readonly unknown[];
  /** Whether it has `responses`, and so gets lists of results. */
  readonly many: boolean;
  /** Its further fields, as text to put before an object's closing brace. */
  readonly fields: string;
  readonly error?: StarlingError;
}

/** Fields that say what to score; they are not repeated in the output. */
const CONTENT_FIELDS = ["text", "prompt", "response", "responses", "messages"] as const;
/** Fields of the output; a row's own fields of these names would be taken for results. */
const RESULT_FIELDS = [
  "index",
  "score",
  "scores",
  "ranks",
  "ranking",
  "tokenCount",
  "truncated",
  "tokenRewards",
  "error",
] as const;
const leftOut: ReadonlySet<string> = new Set([...CONTENT_FIELDS, ...RESULT_FIELDS]);

const SHAPES = '{"text"}, {"prompt","response"}, {"prompt","responses"} or {"messages"}';

export function toRow(source: SourceRow, index: number): Row {
  const base = { index, where: source.where, endOffset: source.endOffset };
  if ("error" in source) return { ...base, items: [], many: false, fields: "", error: source.error };
  const { value } = source;
  const fields = isObject(value) ? ownFields(source.source, leftOut) : "";
  try {
    return { ...base, ...checkShape(value), fields };
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    return { ...base, items: [], many: false, fields, error };
  }
}

/** Names of fields that the row brought along and the output replaces. */
export function replacedFields(source: SourceRow): string[] {
  if ("error" in source || !isObject(source.value)) return [];
  const names: readonly string[] = RESULT_FIELDS;
  return [...rawMembers(source.source).keys()].filter((name) => names.includes(name));
}

/** Only what the library does not check itself: whether there is content, and the shape with `responses`. */
function checkShape(value: unknown): { items: unknown[]; many: boolean } {
  if (!isObject(value)) throw wrong(`Expected an object of the shape ${SHAPES}, but it is ${kindOf(value)}.`);
  if (CONTENT_FIELDS.every((name) => value[name] === undefined)) {
    throw wrong(`Expected one of ${SHAPES}, but it has none of these fields.`);
  }
  if (value["responses"] === undefined) return { items: [value], many: false };
  return { items: responseItems(value), many: true };
}

function responseItems(value: Readonly<Record<string, unknown>>): unknown[] {
  const { prompt, responses } = value;
  for (const other of ["text", "response", "messages"]) {
    if (value[other] !== undefined) throw wrong(`It has both "responses" and "${other}": leave one of them out.`);
  }
  checkText(prompt, "prompt");
  if (!Array.isArray(responses)) throw wrong(`Expected an array of strings for responses, not ${kindOf(responses)}.`);
  if (responses.length === 0) throw wrong("responses is empty: there is nothing to score.");
  return responses.map((response: unknown, i) => {
    checkText(response, `responses[${i}]`);
    return { prompt, response };
  });
}

function checkText(value: unknown, name: string): void {
  if (typeof value !== "string") throw wrong(`Expected a string for ${name}, not ${kindOf(value)}.`);
  if (!value.isWellFormed()) {
    const message = `${name} is not valid Unicode: it holds half of a surrogate pair.`;
    throw new InvalidInputError("ERR_INVALID_UNICODE", message, { field: name });
  }
}

function wrong(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "left out";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** JSON as Python's json module writes it: with NaN, Infinity and -Infinity, which the standard does not have. */

import { randomUUID } from "node:crypto";
import { endOfString } from "../json-strings.ts";

/**
 * Most values (numbers, texts, lists, objects) of one row. V8 takes up to 56 bytes for a value that is two bytes of the
 * file, so a row of maximum size could otherwise fill the heap; no row to score comes near it.
 */
export const MAX_ROW_VALUES = 1_000_000;

/** A shorter text cannot hold too many values: each takes two bytes or more. */
const MIN_COUNTED_BYTES = 2 * MAX_ROW_VALUES;

export interface ParsedJson {
  /** With the numbers NaN, Infinity and -Infinity where the text has them. */
  readonly value: unknown;
  /** The text itself, or, where it has such numbers, standard JSON with null in their place. */
  readonly json: string;
}

const numbers = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, "-Infinity": Number.NEGATIVE_INFINITY };
const NOT_FINITE = /-?Infinity|NaN/g;
/** Stands for such a number while the rest is parsed; no file can hold it. */
const mark = randomUUID();

/** @throws SyntaxError */
export function parseJson(text: string): ParsedJson {
  try {
    return { value: JSON.parse(text), json: text };
  } catch (error) {
    if (!/Infinity|NaN/.test(text)) throw error;
  }
  const json = replaceOutsideStrings(text, NOT_FINITE, () => "null");
  JSON.parse(json);
  const marked = replaceOutsideStrings(text, NOT_FINITE, (name) => JSON.stringify(mark + name));
  const value: unknown = JSON.parse(marked, (_, member: unknown) =>
    typeof member === "string" && member.startsWith(mark)
      ? numbers[member.slice(mark.length) as keyof typeof numbers]
      : member,
  );
  return { value, json };
}

const LONG_INTEGER = /\d{16}/;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const INTEGER = /^-?\d{16,}$/;
/** Stands for a long integer while the rest is parsed; JSON written by this package never has it unescaped. */
const MARK = "\u0000integer:";

/** As JSON.parse, with BigInts where a number would round a whole number. */
export function parseExactly(json: string): unknown {
  if (json.startsWith('"') || !LONG_INTEGER.test(json)) return JSON.parse(json);
  if (INTEGER.test(json)) return BigInt(json);
  const marked = json.replace(TOKEN, (token) => (INTEGER.test(token) ? JSON.stringify(MARK + token) : token));
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/**
 * A row's value with BigInts where a number would round a whole number, as rows of parquet have them.
 *
 * @param json as the row has it; undefined: its format has no numbers that were rounded
 */
export function exactValue(value: unknown, json: string | undefined): unknown {
  if (json === undefined || !LONG_INTEGER.test(json)) return value;
  try {
    return withBigInts(value, parseExactly(json));
  } catch (error) {
    // A row that is nested deeper than the stack: nothing reads a number there.
    if (error instanceof RangeError) return value;
    throw error;
  }
}

/** The value keeps its NaN and Infinity, which the JSON does not have. */
function withBigInts(value: unknown, exact: unknown): unknown {
  if (typeof exact === "bigint") return Number.isSafeInteger(value) ? value : exact;
  if (Array.isArray(value)) return value.map((one, i) => withBigInts(one, (exact as unknown[])[i]));
  if (typeof value !== "object" || value === null) return value;
  const members = exact as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withBigInts(one, members[name])]));
}

/** What is wrong with the commas of a text that is not JSON, after "It is not valid JSON: "; undefined: they are not it. */
export function commaProblem(text: string): string | undefined {
  let closing: string | undefined;
  replaceOutsideStrings(text, /,\s*[}\]]/g, (found) => {
    closing ??= found.at(-1);
    return found;
  });
  if (closing !== undefined) return `there is a comma before the closing "${closing}"`;
  return /,\s*$/.test(text.slice(-MAX_COMMA_CHARACTERS))
    ? "a comma follows the value. JSON lines have none between them"
    : undefined;
}

/** A comma at the end of a line, with blanks behind it. */
const MAX_COMMA_CHARACTERS = 16;

function replaceOutsideStrings(text: string, pattern: RegExp, replacement: (found: string) => string): string {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const outside = text.slice(at, quote < 0 ? text.length : quote);
    parts.push(outside.replace(pattern, replacement));
    if (quote < 0) break;
    const end = endOfString(text, quote) + 1;
    parts.push(text.slice(quote, end));
    at = end;
  }
  return parts.join("");
}

const [QUOTE, BACKSLASH, COMMA, OPEN_BRACKET, OPEN_BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/** Whether a row has more than {@link MAX_ROW_VALUES} values, counted without parsing it. */
export function hasTooManyValues(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_COUNTED_BYTES) return false;
  let values = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA || byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      values += 1;
      if (values > MAX_ROW_VALUES) return true;
    }
  }
  return false;
}

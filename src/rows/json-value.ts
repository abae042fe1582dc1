/** JSON as Python's json module writes it: with NaN, Infinity and -Infinity, which the standard does not have. */
import { randomUUID } from "node:crypto";

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
    const end = endOfString(text, quote);
    parts.push(text.slice(quote, end));
    at = end;
  }
  return parts.join("");
}

/** @returns the index after the closing quote of the string that begins at `start`; the text's end where there is none */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
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

/** Keys that an object of JSON has twice. JSON.parse keeps the last value, other readers keep the first, and none says so. */
import { endOfString, isEscaped } from "./json-strings.ts";

/** Valid JSON has no other characters up to the blank outside of strings than those that may stand between its parts. */
const [BLANK, QUOTE, COLON] = [0x20, 0x22, 0x3a];

/**
 * A key that an object in the text has twice; undefined if there is none.
 *
 * @param text valid JSON, or what Python writes: with NaN and Infinity
 * @param value what the text holds. It has fewer keys than the text where one is doubled, so only few texts are looked through.
 */
export function doubledKey(text: string, value: unknown): string | undefined {
  return keysOf(value) === keyEnds(text) ? undefined : firstDoubled(text);
}

/** The number of keys of all objects in a value; without recursion, which a deep one would end. */
function keysOf(value: unknown): number {
  let count = 0;
  const open: object[] = [];
  const look = (member: unknown) => {
    if (typeof member === "object" && member !== null) open.push(member);
  };
  look(value);
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (Array.isArray(one)) for (const member of one) look(member);
    // Faster than a list of its keys.
    else
      for (const key in one) {
        count += 1;
        look((one as Record<string, unknown>)[key]);
      }
  }
  return count;
}

/** The number of quotes with a colon behind them: of keys, and of texts that begin with a colon. */
function keyEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    let next = at + 1;
    let code = text.charCodeAt(next);
    while (code <= BLANK) code = text.charCodeAt(++next);
    if (code === COLON && !isEscaped(text, at)) count += 1;
  }
  return count;
}

/** The text is valid, so only strings, brackets and colons matter. */
function firstDoubled(text: string): string | undefined {
  const open: Set<string>[] = [];
  let lastString = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (text.charCodeAt(at) === QUOTE) {
      const end = endOfString(text, at);
      lastString = text.slice(at, end + 1);
      at = end;
    } else if (character === "{") open.push(new Set());
    else if (character === "}") open.pop();
    else if (character === ":") {
      const key = JSON.parse(lastString) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

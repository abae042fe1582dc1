/**
 * The raw members of a JSON object. A row's fields are copied unchanged: parsing and writing them again would round
 * long numbers (19-digit ids) and drop what JavaScript objects cannot hold.
 */

/**
 * Raw text of each member of the object `source`, which must be valid JSON, on one line; the last of two equal names wins,
 * as in JSON.parse.
 */
export function rawMembers(source: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipBlank(source, source.indexOf("{") + 1);
  while (source[at] !== "}") {
    const nameEnd = endOfString(source, at);
    const name = JSON.parse(source.slice(at, nameEnd)) as string;
    const valueStart = skipBlank(source, source.indexOf(":", nameEnd) + 1);
    at = endOfValue(source, valueStart);
    members.set(name, onOneLine(source.slice(valueStart, at)));
    if (source[at] === ",") at = skipBlank(source, at + 1);
  }
  return members;
}

/** Line breaks between JSON tokens would break JSON lines; strings contain none. */
function onOneLine(raw: string): string {
  if (!/[\r\n]/.test(raw)) return raw.trimEnd();
  const lines = raw.split(/[\r\n]/).map((line) => line.trim());
  return lines.filter((line) => line !== "").join(" ");
}

function skipBlank(source: string, from: number): number {
  let at = from;
  while (at < source.length && /\s/.test(source[at] as string)) at += 1;
  return at;
}

/** @returns the index after the closing quote of the string that begins at `start` */
function endOfString(source: string, start: number): number {
  let end = source.indexOf('"', start + 1);
  while (isEscaped(source, end)) end = source.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(source: string, quote: number): boolean {
  let backslashes = 0;
  while (source[quote - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

/** @returns the index of the comma or brace that follows the value */
function endOfValue(source: string, start: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const c = source[at];
    if (c === undefined) return at;
    if (c === '"') {
      at = endOfString(source, at);
      continue;
    }
    if (c === "{" || c === "[") depth += 1;
    else if ((c === "}" || c === "]") && depth-- === 0) return at;
    else if (c === "," && depth === 0) return at;
    at += 1;
  }
}

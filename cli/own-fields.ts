/**
 * The raw members of a JSON object. A row's other fields are copied unchanged: parsing and writing them again would round
 * long numbers (19-digit ids) and drop what JavaScript objects cannot hold.
 */

/**
 * Raw text of each member of the object `source`, which must be valid JSON, with its line breaks; the last of two equal
 * names wins.
 */
export function rawMembers(source: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipBlank(source, source.indexOf("{") + 1);
  while (source[at] !== "}") {
    const nameEnd = endOfString(source, at);
    const name = JSON.parse(source.slice(at, nameEnd)) as string;
    const valueStart = skipBlank(source, source.indexOf(":", nameEnd) + 1);
    at = endOfValue(source, valueStart);
    members.set(name, source.slice(valueStart, at));
    if (source[at] === ",") at = skipBlank(source, at + 1);
  }
  return members;
}

/** The members not in `leftOut`, as text to insert before an object's closing brace: `,"id":7,"tag":"x"`. */
export function ownFields(source: string, leftOut: ReadonlySet<string>): string {
  let text = "";
  for (const [name, raw] of rawMembers(source)) {
    if (!leftOut.has(name)) text += `,${JSON.stringify(name)}:${onOneLine(raw)}`;
  }
  return text;
}

/** Line breaks between JSON tokens would break JSON lines; strings contain none. */
function onOneLine(raw: string): string {
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

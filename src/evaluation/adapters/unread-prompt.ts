/** A prompt in a field that the adapter does not read must repeat what is scored: it is never dropped silently. */
import { InvalidInputError } from "../../errors.ts";
import { asJson } from "../../prompt/csv-cells.ts";
import type { Fields } from "../../prompt/input-fields.ts";
import { onOneLine } from "./pair-checks.ts";

const PROMPTS = ["prompt", "messages"];

/**
 * Refuses a prompt that is not part of the fields that are read, such as "prompt" in one row of a file whose other rows have
 * none: its response would be scored without it.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseUnreadPrompt(fields: Fields, read: readonly string[]): void {
  for (const name of PROMPTS) {
    if (read.includes(name) || fields[name] === undefined || fields[name] === null) continue;
    const texts = read.flatMap((field) => textsIn(fields[field]));
    if (textsIn(fields[name]).every((text) => texts.some((other) => other.includes(text)))) continue;
    throw new InvalidInputError(
      "ERR_INVALID_ITEM",
      `The row has "${name}", which this adapter does not read, and its text is not in ${read.map((field) => JSON.stringify(field)).join(", ")}: ` +
        `choose another adapter (--adapter), or score the row without it (--ignore-field ${name}; in the library ignoreFields).`,
      { field: name },
    );
  }
}

/** Deeper than published rows nest; it bounds the call stack. */
const MAX_DEPTH = 10;
/** What a message says beside its text. */
const NAMES_OF_SPEAKERS: ReadonlySet<string> = new Set(["role", "from", "type"]);

/** All texts of a value, also of one that is JSON in a text, each on one line. */
function textsIn(value: unknown, depth = 0): readonly string[] {
  const read = asJson(value);
  if (typeof read === "string") return [onOneLine(read)];
  if (typeof read !== "object" || read === null || depth > MAX_DEPTH) return [];
  const inner = Array.isArray(read)
    ? read
    : Object.entries(read).flatMap(([name, one]) => (NAMES_OF_SPEAKERS.has(name) ? [] : [one]));
  return inner.flatMap((one: unknown) => textsIn(one, depth + 1));
}

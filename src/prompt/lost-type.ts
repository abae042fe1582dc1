/** Texts that were lists before a file format lost their type: scored as texts they would give numbers that look right. */
import { InvalidInputError } from "../errors.ts";
import { beginsAsLiteral, type PythonValue, parsePythonLiteral } from "./python-literal.ts";

const MAX_SHOWN_CHARACTERS = 24;

export interface LostTypeRules {
  /** The text is a CSV cell, where a list of texts is indistinguishable from its text; default false. */
  readonly isCell?: boolean | undefined;
}

/**
 * Refuses a text that is, from its first to its last character, a list of messages as Python or JSON writes it; of a cell
 * as Python writes it, also a list of texts: JSON is how a cell holds a list.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseLostType(text: string, where: string, { isCell = false }: LostTypeRules = {}): void {
  const lost = lostType(text, isCell);
  if (lost === undefined) return;
  const shown = JSON.stringify(`${text.trim().slice(0, MAX_SHOWN_CHARACTERS)}…`);
  const field = isCell ? `The column ${where}` : where;
  const what = nouns[lost.of];
  const message =
    lost.by === "Python"
      ? `${field} contains the text of ${what} as Python prints it (${shown}): write JSON lines ` +
        `(pandas: to_json(FILE, orient="records", lines=True)) or parquet${isCell ? ", or JSON in the cell (json.dumps)" : ""}.`
      : `${field} contains ${what} as the text of its JSON (${shown}): write the list itself.`;
  throw new InvalidInputError("ERR_INVALID_ITEM", message, { field: where });
}

/** Whether a text is, from its first to its last character, a list of messages as Python or JSON writes it. */
export function isListOfMessages(text: string): boolean {
  return lostType(text, false)?.of === "messages";
}

/** For a text where a list or an object was expected: how to write it correctly. Empty if Python did not write the text. */
export function pythonAdvice(text: unknown): string {
  const value = pythonValue(text);
  if (value === undefined) return "";
  const what = Array.isArray(value) ? "a list" : "a dict";
  return ` It is ${what} as Python prints it: write JSON lines or parquet, or JSON in the cell (json.dumps).`;
}

/** The list or object that a text is as Python prints it; undefined for another text. */
export function pythonValue(text: unknown): unknown {
  const value = typeof text === "string" ? parsePythonLiteral(text) : undefined;
  return typeof value === "object" && value !== null ? asPlain(value) : undefined;
}

function asPlain(value: PythonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key, asPlain(member)]));
  return Array.isArray(value) ? value.map((member: PythonValue) => asPlain(member)) : value;
}

interface LostType {
  readonly by: "Python" | "JSON";
  readonly of: "messages" | "texts" | "dict" | "bytes";
}

const nouns = { messages: "a list of messages", texts: "a list of texts", dict: "a dict", bytes: "bytes" };

function lostType(text: string, isCell: boolean): LostType | undefined {
  if (isCell && isBytes(text)) return { by: "Python", of: "bytes" };
  if (!beginsAsLiteral(text)) return undefined;
  const json = parsedJson(text);
  if (json !== undefined) return !isCell && areMessages(json) ? { by: "JSON", of: "messages" } : undefined;
  const value = parsePythonLiteral(text);
  if (value === undefined) return undefined;
  if (areMessages(value)) return { by: "Python", of: "messages" };
  if (isCell && areTexts(value)) return { by: "Python", of: "texts" };
  return isCell && isDictOfText(value) ? { by: "Python", of: "dict" } : undefined;
}

/** b'…', from the first to the last character. */
function isBytes(text: string): boolean {
  const plain = text.trim();
  const quote = plain[1];
  if (plain[0] !== "b" || plain.length < 3 || (quote !== "'" && quote !== '"')) return false;
  return plain.indexOf(quote, 2) === plain.length - 1;
}

/** Names under which a dict holds the one text that it is about. */
const TEXT_KEYS = ["text", "content", "value", "prompt", "response"];

function isDictOfText(value: PythonValue): boolean {
  return value instanceof Map && TEXT_KEYS.some((key) => typeof value.get(key) === "string");
}

/** Lists and objects as {@link PythonValue}, of which only the keys of objects count. */
function parsedJson(text: string): PythonValue | undefined {
  try {
    const value: unknown = JSON.parse(text, (_, member: unknown) =>
      typeof member === "object" && member !== null && !Array.isArray(member)
        ? new Map(Object.entries(member))
        : member,
    );
    return value as PythonValue;
  } catch {
    return undefined;
  }
}

/** Names of a message's two fields, of OpenAI's and of ShareGPT's layout. */
const MESSAGE_KEYS = [
  ["role", "content"],
  ["from", "value"],
] as const;

function areMessages(value: PythonValue): boolean {
  const messages = Array.isArray(value) ? flat(value) : [value];
  return messages.length > 0 && messages.every(isMessage);
}

/** One list in another one, too: a column of conversations that was put into a list once more. */
function flat(list: readonly PythonValue[]): readonly PythonValue[] {
  const [only] = list;
  return list.length === 1 && Array.isArray(only) ? only : list;
}

function isMessage(value: PythonValue): boolean {
  return value instanceof Map && MESSAGE_KEYS.some((keys) => keys.every((key) => value.has(key)));
}

function areTexts(value: PythonValue): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string");
}

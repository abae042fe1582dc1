/** Input fields that are not read (tools, history, …): never dropped silently. */
import { InvalidInputError } from "../errors.ts";

/** How rows and items are read, where there is a choice. */
export interface ItemRules {
  /** Names of fields to ignore, as if the row did not have them; default: none. */
  readonly ignoreFields?: readonly string[] | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Names without case and separators: toolCalls, tool_calls and "Tool Calls" are one. */
const INPUT_FIELDS: ReadonlySet<string> = new Set(
  [
    ["tool", "tools", "availabletools", "toolcall", "toolcalls", "toolcallid", "toolchoice"],
    ["toolresult", "toolresults", "toolresponse", "toolresponses", "tooloutput", "tooloutputs"],
    ["function", "functions", "functioncall", "functioncalls"],
    ["history", "chathistory", "conversationhistory", "dialoguehistory", "previousmessages", "previousturns"],
    ["conversation", "conversations", "dialogue", "dialog", "context", "contexts"],
    ["document", "documents", "passage", "passages", "retrieveddocuments", "attachment", "attachments"],
    ["image", "images", "imageurl", "imageurls", "imagepath", "imagepaths", "picture", "pictures"],
    ["video", "videos", "audio", "audios", "input", "inputs", "instruction", "instructions"],
    ["system", "systemprompt", "systemprompts", "systemmessage", "sysprompt", "developer", "developerprompt"],
    ["reasoningcontent", "thinking", "priorturns", "pastturns", "past", "pastmessages", "turns", "persona", "personas"],
    ["preamble", "knowledge", "evidence", "functionsjson", "toolsjson", "fewshot", "fewshots", "shots"],
    ["fewshotexamples", "demonstrations", "question", "query", "trajectory", "initialreasonsteps", "premise"],
    ["schema", "dbschema", "tableschema", "article", "articles", "paragraph", "paragraphs", "sourcetext"],
  ].flat(),
);
/** Data sets have a field of this name with a comment on the row; in a message it is what the model thought. */
const MESSAGE_FIELDS: ReadonlySet<string> = new Set(["reasoning"]);
/** With a number, these say how many there are. */
const COUNTED: ReadonlySet<string> = new Set([
  "turns",
  "past",
  "priorturns",
  "pastturns",
  "shots",
  "fewshot",
  "fewshots",
]);
/** What other data sets call the prompt. */
const PROMPT_NAMES: ReadonlySet<string> = new Set(["instruction", "question", "query", "input"]);

/**
 * Refuses fields that belong to the input, by name. Empty ones (null, "", [], {}) are fine, and so are texts that the
 * prompt has itself.
 *
 * @param read names that the caller reads itself
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseUnreadInput(
  fields: Fields,
  where: string,
  rules: ItemRules,
  read: readonly string[] = [],
  isMessage = false,
): void {
  const isUnread = (name: string) => {
    const plain = plainName(name);
    const isInput = INPUT_FIELDS.has(plain) || (isMessage && MESSAGE_FIELDS.has(plain));
    return isInput && !read.includes(name) && !isIgnored(name, rules);
  };
  const candidates = Object.keys(fields).filter((name) => isUnread(name) && !isEmpty(name, fields[name]));
  if (candidates.length === 0) return;
  const texts = contentsOf(fields);
  const found = candidates.filter((name) => !isRepeated(fields[name], texts));
  const [first] = found;
  if (first === undefined) return;
  const names = found.map((name) => JSON.stringify(name)).join(", ");
  const [it, belongs] = found.length === 1 ? ["it", "belongs"] : ["them", "belong"];
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    !isMessage && !hasPrompt(fields) && PROMPT_NAMES.has(plainName(first))
      ? `${where} has ${names} and no prompt: rename ${JSON.stringify(first)} to "prompt".`
      : `${where} has ${names}, which ${belongs} to the input and would not be scored: write ${it} into the prompt` +
          `${renameAdvice(first)}, or leave ${it} out on purpose ` +
          `(${found.map((name) => `--ignore-field ${name}`).join(" ")}; in the library ignoreFields).`,
    { field: first },
  );
}

/** Whether a field is to be left out: by its name, however its letters and separators are written. */
export function isIgnored(name: string, { ignoreFields = [] }: ItemRules): boolean {
  if (ignoreFields.length === 0) return false;
  const plain = plainName(name);
  return ignoreFields.some((ignored) => ignored === name || (plain !== "" && plainName(ignored) === plain));
}

function renameAdvice(name: string): string {
  return plainName(name).startsWith("sys") && name !== "system" ? ', rename it to "system"' : "";
}

function hasPrompt(fields: Fields): boolean {
  return ["prompt", "messages", "text"].some((name) => fields[name] !== undefined && fields[name] !== null);
}

/** The texts that will be scored, as far as they can be the prompt. */
function contentsOf({ text, prompt, messages, chosen }: Fields): readonly string[] {
  const of = (value: unknown): readonly unknown[] =>
    Array.isArray(value)
      ? value.map((message: unknown) => (isObject(message) ? (message["content"] ?? message["value"]) : undefined))
      : [value];
  const conversation = Array.isArray(chosen) ? of(chosen) : [];
  const all = [...of(text), ...of(prompt), ...of(messages), ...conversation];
  return all.filter((content) => typeof content === "string");
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text of this length is not inside another one by chance. */
const MIN_CONTAINED_CHARACTERS = 20;

function isRepeated(value: unknown, texts: readonly string[]): boolean {
  if (typeof value !== "string") return false;
  const plain = value.trim();
  const isInside = plain.length >= MIN_CONTAINED_CHARACTERS;
  return texts.some((text) => text.trim() === plain || (isInside && text.includes(plain)));
}

/** Only short names: no name in the list is longer. */
const MAX_NAME_CHARACTERS = 32;
const plainNames = new Map<string, string>();
/** Field names usually repeat in every row; the limit bounds memory for data with new names in each row. */
const MAX_PLAIN_NAMES = 1000;

/** Without case and separators; "" for a name longer than any known one. */
export function plainName(name: string): string {
  if (name.length > MAX_NAME_CHARACTERS) return "";
  let plain = plainNames.get(name);
  if (plain === undefined) {
    plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
    if (plainNames.size >= MAX_PLAIN_NAMES) plainNames.clear();
    plainNames.set(name, plain);
  }
  return plain;
}

/** A number, also as text, as in the cells of a CSV file. */
function isCount(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^\s*\d+(?:\.\d*)?\s*$/.test(value));
}

/** An empty value, however written: also in a CSV cell, and as pandas fills gaps. */
export function isEmpty(name: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isEmptyValue);
  if (isCount(value) && COUNTED.has(plainName(name))) return true;
  // A prompt field may be the number 0; for tools and images 0 means none.
  if (value === 0) return !PROMPT_NAMES.has(plainName(name));
  return isEmptyValue(value) || (value === "auto" && plainName(name) === "toolchoice");
}

/** How programs write a missing value. */
const NOTHING: ReadonlySet<string> = new Set(["", "none", "null", "nan", "<na>", "n/a", "false", "[]", "{}"]);
/** No string in NOTHING is longer. */
const MAX_NOTHING_CHARACTERS = 5;

/** Of a list in a list only its length counts: they may be nested deeper than the call stack. */
function isEmptyValue(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  if (typeof value === "string") return isNothing(value);
  if (typeof value === "number") return Number.isNaN(value);
  return typeof value === "object" && Object.keys(value).length === 0;
}

function isNothing(text: string): boolean {
  const plain = text.trim();
  const isBracketed = ["[]", "{}"].includes(plain.slice(0, 1) + plain.slice(-1));
  return (
    (isBracketed && plain.slice(1, -1).trim() === "") ||
    (plain.length <= MAX_NOTHING_CHARACTERS && NOTHING.has(plain.toLowerCase()))
  );
}

/** Of a row's fields, in a message of one line. */
const MAX_SHOWN_NAMES = 8;
const MAX_SHOWN_CHARACTERS = 40;

/**
 * The names that a row has, for a message: a CSV file with another separator has one, of all names together.
 *
 * @param from the row's names of fields, where they differ
 */
export function fieldNames(fields: Fields, from?: ReadonlyMap<string, readonly string[]>): string {
  const names = Object.keys(fields);
  if (names.length === 0) return "has no fields";
  const own = names.flatMap((name) => {
    const value = fields[name];
    const isNone = value === null || value === undefined || (Array.isArray(value) && value.length === 0);
    return (from?.get(name) ?? [name]).map((one) => ({ one, note: isNone ? " (empty)" : "" }));
  });
  const shown = own.slice(0, MAX_SHOWN_NAMES).map(({ one, note }) => {
    const short = one.length > MAX_SHOWN_CHARACTERS ? `${one.slice(0, MAX_SHOWN_CHARACTERS - 1)}…` : one;
    return `${JSON.stringify(short)}${note}`;
  });
  const rename = hasPrompt(fields) ? undefined : names.find((name) => PROMPT_NAMES.has(plainName(name)));
  const advice = rename === undefined ? "" : `: rename ${JSON.stringify(rename)} to "prompt"`;
  return `has only ${shown.join(", ")}${own.length > MAX_SHOWN_NAMES ? " and others" : ""}${advice}`;
}

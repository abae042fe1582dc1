/** Fields beside an item that belong to what a model would see, and that nothing here reads: they are never dropped in silence. */
import { InvalidInputError } from "../errors.ts";

/** How rows and items are read, where there is a choice. */
export interface ItemRules {
  /** Names of fields that are left out on purpose, as if the row did not have them; default: none. */
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
    ["reasoningcontent", "thinking"],
  ].flat(),
);

/**
 * Refuses fields that belong to the input, by name. Empty ones (null, "", [], {}) are fine.
 *
 * @param read names that the caller reads itself
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseUnreadInput(
  fields: Fields,
  where: string,
  { ignoreFields = [] }: ItemRules,
  read: readonly string[] = [],
): void {
  const isUnread = (name: string) =>
    INPUT_FIELDS.has(plainName(name)) && !read.includes(name) && !ignoreFields.includes(name);
  const found = Object.keys(fields).filter((name) => isUnread(name) && !isEmpty(fields[name]));
  const [first] = found;
  if (first === undefined) return;
  const names = found.map((name) => JSON.stringify(name)).join(", ");
  const [it, belongs] = found.length === 1 ? ["it", "belongs"] : ["them", "belong"];
  const rename = plainName(first).startsWith("sys") && first !== "system" ? ', rename it to "system"' : "";
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `${where} has ${names}, which ${belongs} to the input and would not be scored: write ${it} into the prompt${rename}, ` +
      `or leave ${it} out on purpose (${found.map((name) => `--ignore-field ${name}`).join(" ")}; in the library ignoreFields).`,
    { field: first },
  );
}

/** Of short names alone: no name of the list is longer. */
const MAX_NAME_CHARACTERS = 32;
const plainNames = new Map<string, string>();
/** Names of fields repeat in every row; data with names of their own in each row do not fill the memory. */
const MAX_PLAIN_NAMES = 1000;

function plainName(name: string): string {
  if (name.length > MAX_NAME_CHARACTERS) return "";
  let plain = plainNames.get(name);
  if (plain === undefined) {
    plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
    if (plainNames.size >= MAX_PLAIN_NAMES) plainNames.clear();
    plainNames.set(name, plain);
  }
  return plain;
}

/** Nothing, however it was written: also in a cell of CSV, and as pandas fills gaps. */
function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isEmptyValue) : isEmptyValue(value);
}

/** Of a list in a list only its length counts: they may be nested deeper than the call stack. */
function isEmptyValue(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === "string") return /^\s*(?:|\[\s*\]|\{\s*\})\s*$/.test(value);
  if (typeof value === "number") return Number.isNaN(value);
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Of a row's fields, in a message of one line. */
const MAX_SHOWN_NAMES = 8;
const MAX_SHOWN_CHARACTERS = 40;

/** The names that a row has, for a message: a CSV file with another separator has one, of all names together. */
export function fieldNames(fields: Fields): string {
  const names = Object.keys(fields);
  if (names.length === 0) return "it has no fields";
  const shown = names.slice(0, MAX_SHOWN_NAMES).map((name) => {
    const short = name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS - 1)}…` : name;
    return `${JSON.stringify(short)}${fields[name] === null || fields[name] === undefined ? " (empty)" : ""}`;
  });
  return `its fields are ${shown.join(", ")}${names.length > MAX_SHOWN_NAMES ? " and others" : ""}`;
}

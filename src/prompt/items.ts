/** What can be scored, and the checks that every item passes before anything else looks at it. */
import { describe, InvalidInputError } from "../errors.ts";

export type ChatRole = "system" | "user" | "assistant";

export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
}

/** A text that is scored to the letter of the model card: special tokens in it are special, nothing is added. */
export interface TextItem {
  readonly text: string;
}

/** One prompt and one response, put into the model's chat template. */
export interface PromptResponseItem {
  readonly prompt: string;
  readonly response: string;
}

/** A conversation: an optional system turn first, then turns of user and assistant; the last one is the assistant's. */
export interface MessagesItem {
  readonly messages: readonly ChatMessage[];
}

export type ScoreItem = TextItem | PromptResponseItem | MessagesItem;

const SHAPES = '{"text"}, {"prompt","response"} or {"messages"}';
const ROLES: readonly string[] = ["system", "user", "assistant"];

/**
 * Checks that `value` is one of the shapes of {@link ScoreItem}; further fields are left alone.
 *
 * @param where how the message names the item, for example `items[3]`
 * @throws InvalidInputError ERR_INVALID_ITEM, ERR_EMPTY_TEXT or ERR_INVALID_UNICODE
 */
export function checkItem(value: unknown, where: string): ScoreItem {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidItem(`Expected an object of the shape ${SHAPES} for ${where} but received ${describe(value)}.`, where);
  }
  const item = value as Record<string, unknown>;
  const shapes = [
    item["text"] !== undefined,
    item["prompt"] !== undefined || item["response"] !== undefined,
    item["messages"] !== undefined,
  ];
  const given = shapes.filter(Boolean).length;
  if (given !== 1) {
    const problem = given === 0 ? "has none of them" : "mixes them";
    throw invalidItem(`Expected exactly one of ${SHAPES} for ${where}, but it ${problem}.`, where);
  }
  if (shapes[0]) return checkTextItem(item, where);
  if (shapes[1]) return checkPromptResponse(item, where);
  return checkMessages(item["messages"], where);
}

function checkTextItem(item: Record<string, unknown>, where: string): TextItem {
  const text = checkString(item["text"], `${where}.text`);
  if (text === "") {
    throw new InvalidInputError("ERR_EMPTY_TEXT", `${where}.text is empty: there is no token to read a score at.`, {
      field: `${where}.text`,
    });
  }
  return { text };
}

function checkPromptResponse(item: Record<string, unknown>, where: string): PromptResponseItem {
  return {
    prompt: checkString(item["prompt"], `${where}.prompt`),
    response: checkString(item["response"], `${where}.response`),
  };
}

function checkMessages(value: unknown, where: string): MessagesItem {
  const name = `${where}.messages`;
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidItem(
      `Expected a non-empty array of {"role","content"} for ${name} but received ${describe(value)}.`,
      name,
    );
  }
  const messages = value.map((message: unknown, i) => checkMessage(message, `${name}[${i}]`, i));
  const last = messages.length - 1;
  if (messages[last]?.role !== "assistant") {
    throw invalidItem(
      `Expected the last message of ${name} to be the assistant's, the one to score, but its role is "${messages[last]?.role}".`,
      `${name}[${last}].role`,
    );
  }
  return { messages };
}

function checkMessage(value: unknown, where: string, index: number): ChatMessage {
  if (typeof value !== "object" || value === null) {
    throw invalidItem(`Expected {"role","content"} for ${where} but received ${describe(value)}.`, where);
  }
  const { role, content } = value as Record<string, unknown>;
  if (typeof role !== "string" || !ROLES.includes(role)) {
    throw invalidItem(
      `Expected "system", "user" or "assistant" for ${where}.role but received ${describe(role)}.`,
      `${where}.role`,
    );
  }
  if (role === "system" && index !== 0) {
    throw invalidItem(`Expected a system turn only as the first message, but ${where} is one.`, `${where}.role`);
  }
  return { role: role as ChatRole, content: checkString(content, `${where}.content`) };
}

/** A string of valid Unicode, or an error that names the field. */
export function checkString(value: unknown, where: string): string {
  if (typeof value !== "string")
    throw invalidItem(`Expected a string for ${where} but received ${describe(value)}.`, where);
  // A lone surrogate has no UTF-8 form; replacing it silently would score another text than the one that was given.
  if (!value.isWellFormed()) {
    throw new InvalidInputError(
      "ERR_INVALID_UNICODE",
      `${where} is not valid Unicode: it holds half of a surrogate pair.`,
      {
        field: where,
      },
    );
  }
  return value;
}

function invalidItem(message: string, field: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field });
}

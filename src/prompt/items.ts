/** What can be scored, and the checks that every item passes before anything else looks at it. */
import { describe, InvalidInputError, isStarlingError, reasonOf } from "../errors.ts";
import { nearest } from "../options.ts";
import { type Fields, fieldNames, type ItemRules, isIgnored, isObject, refuseUnreadInput } from "./input-fields.ts";
import { refuseLostType } from "./lost-type.ts";
import {
  areParts,
  type ChatMessage,
  checkText,
  checkTurnList,
  type MessageInput,
  refuseLastTurn,
  type TextPart,
} from "./messages.ts";
import { checkContent, checkString, describeField, invalidItem } from "./texts.ts";

/** A text scored exactly as in the model card: special tokens in it are special, nothing is added. */
export interface TextItem {
  /** The whole text, not empty. */
  readonly text: string;
}

/** One prompt and one response, put into the model's chat template. */
export interface PromptResponseItem {
  /** What the user says, as a text or in text parts; or a conversation that ends with the user's turn. */
  readonly prompt: string | readonly MessageInput[] | readonly TextPart[];
  /** The answer to score; may be empty. */
  readonly response: string | readonly TextPart[];
  /** A system turn before the prompt; empty: none. */
  readonly system?: string;
}

/** A conversation: an optional system turn first, then turns of user and assistant; the last one is the assistant's. */
export interface MessagesItem {
  /** 1 to 10,000 messages. */
  readonly messages: readonly MessageInput[];
  /** A system turn before the messages, where they have none; empty: none. */
  readonly system?: string;
}

/** What can be scored. */
export type ScoreItem = TextItem | PromptResponseItem | MessagesItem;

/** A {@link ScoreItem} after its checks: a system turn or a conversation as prompt has become part of `messages`. */
export type CheckedItem =
  | TextItem
  | {
      /** What the user says. */
      readonly prompt: string;
      /** The answer to score. */
      readonly response: string;
    }
  | {
      /** The whole conversation; the last turn is the assistant's. */
      readonly messages: readonly ChatMessage[];
    };

const SHAPES = '{"text"}, {"prompt","response"} or {"messages"}';
/** The fields that are read here. */
const OWN_FIELDS = ["text", "prompt", "response", "messages", "system"] as const;

/**
 * Checks that `value` is one of the shapes of {@link ScoreItem}. A field that is null is absent. Further fields are left
 * alone, except those that belong to the input, such as "tools", which are refused.
 *
 * @param where how the message names the item, for example `items[3]`
 * @throws InvalidInputError ERR_INVALID_ITEM, ERR_EMPTY_TEXT or ERR_INVALID_UNICODE
 */
export function checkItem(value: unknown, where: string, rules: ItemRules = {}): CheckedItem {
  return readItem(where, () => checkReadableItem(value, where, rules));
}

/** An item's own getter or proxy may throw: that is an error of the item. */
function readItem<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isStarlingError(cause)) throw cause;
    const message = `${where} cannot be read: ${reasonOf(cause)}`;
    throw new InvalidInputError("ERR_INVALID_ITEM", message, { field: where, cause });
  }
}

function checkReadableItem(value: unknown, where: string, rules: ItemRules): CheckedItem {
  if (!isObject(value)) {
    throw invalidItem(`Expected an object of the shape ${SHAPES} for ${where} but received ${describe(value)}.`, where);
  }
  const given = givenFields(value, OWN_FIELDS, rules);
  const shapes = [
    given["text"] !== undefined,
    given["prompt"] !== undefined || given["response"] !== undefined,
    given["messages"] !== undefined,
  ];
  const count = shapes.filter(Boolean).length;
  if (count !== 1) {
    const problem = count === 0 ? fieldNames(value) : "mixes them";
    throw invalidItem(`Expected exactly one of ${SHAPES} for ${where}, but it ${problem}.`, where);
  }
  refuseUnreadInput(value, where, rules, OWN_FIELDS);
  if (shapes[0]) return checkTextItem(given, where);
  if (shapes[1]) {
    refuseMissing("prompt", given, value, where);
    refuseMissing("response", given, value, where);
    return checkPromptResponse(given, where, rules);
  }
  const messages = checkMessages(given["messages"], `${where}.messages`, rules);
  return { messages: withSystem(systemTurn(given, where), messages, where) };
}

/** A prompt without its response, or a response without its prompt. */
function refuseMissing(name: "prompt" | "response", given: Fields, value: Fields, where: string): void {
  if (given[name] !== undefined) return;
  const others = Object.keys(value).filter((other) => !OWN_FIELDS.some((own) => own === other));
  const near = others.find((other) => nearest(other, [name]) !== undefined);
  const advice =
    name === "response" && Array.isArray(value["responses"])
      ? ' It has "responses": score several responses to one prompt with rank().'
      : near === undefined
        ? ""
        : ` It has ${JSON.stringify(near)}: did you mean "${name}"?`;
  throw invalidItem(`${where}.${name} is missing.${advice}`, `${where}.${name}`);
}

/** The named fields that have a value: null and ignored fields count as absent. */
export function givenFields(value: Fields, names: readonly string[], rules: ItemRules): Fields {
  const isGiven = (name: string) => value[name] !== undefined && value[name] !== null && !isIgnored(name, rules);
  return Object.fromEntries(names.filter(isGiven).map((name) => [name, value[name]]));
}

function checkTextItem(given: Fields, where: string): TextItem {
  if (given["system"] !== undefined && given["system"] !== "")
    throw invalidItem(`${where} has both "text" and "system": a text is scored as is, without a system turn.`, where);
  const text = checkString(given["text"], `${where}.text`);
  if (text === "") {
    throw new InvalidInputError("ERR_EMPTY_TEXT", `${where}.text is empty: there is no position to read a score at.`, {
      field: `${where}.text`,
    });
  }
  return { text };
}

function checkPromptResponse(given: Fields, where: string, rules: ItemRules): CheckedItem {
  const prompt = checkPrompt(given["prompt"], `${where}.prompt`, rules);
  // A response may be a list of messages on purpose: it is code like other code, and worth a warning.
  return itemOf(prompt, checkText(given["response"], `${where}.response`), systemTurn(given, where), where);
}

/** A prompt that is a text, or a conversation that ends with the user's turn. */
export function checkPrompt(value: unknown, where: string, rules: ItemRules): string | readonly ChatMessage[] {
  return readItem(where, () =>
    Array.isArray(value) && !areParts(value)
      ? checkTurns(value, where, "user", rules)
      : checkPromptText(areParts(value) ? checkText(value, where) : value, where),
  );
}

function checkPromptText(value: unknown, where: string): string {
  if (typeof value === "string") return checkContent(value, where);
  const expected = 'a string or an array of {"role","content"}';
  throw invalidItem(`Expected ${expected} for ${where} but received ${describeField(value)}.`, where);
}

/** Builds an item from its checked parts. */
export function itemOf(
  prompt: string | readonly ChatMessage[],
  response: string,
  system: string | undefined,
  where: string,
): CheckedItem {
  if (typeof prompt === "string" && system === undefined) return { prompt, response };
  const turns = typeof prompt === "string" ? [{ role: "user" as const, content: prompt }] : prompt;
  return { messages: [...withSystem(system, turns, where), { role: "assistant", content: response }] };
}

/** The text of the field "system"; undefined for none, or an empty one. */
export function systemTurn(given: Fields, where: string): string | undefined {
  if (given["system"] === undefined) return undefined;
  const system = checkContent(given["system"], `${where}.system`);
  return system === "" ? undefined : system;
}

/** The messages with the system turn in front. */
export function withSystem(
  system: string | undefined,
  messages: readonly ChatMessage[],
  where: string,
): readonly ChatMessage[] {
  const [first] = messages;
  if (system === undefined) return messages;
  if (first?.role !== "system") return [{ role: "system", content: system }, ...messages];
  if (first.content === system) return messages;
  throw invalidItem(`${where} has two system turns, "system" and its first message: leave one of them out.`, where);
}

function checkMessages(value: unknown, name: string, rules: ItemRules): readonly ChatMessage[] {
  if (typeof value === "string") refuseLostType(value, name);
  return checkTurns(value, name, "assistant", rules);
}

function checkTurns(
  value: unknown,
  name: string,
  lastRole: "user" | "assistant",
  rules: ItemRules,
): readonly ChatMessage[] {
  const messages = checkTurnList(value, name, rules);
  refuseLastTurn(messages, name, lastRole);
  if (!messages.some(({ role }) => role === "user"))
    throw invalidItem(`${name} has no user turn: the prompt is missing.`, name);
  return messages;
}

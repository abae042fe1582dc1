/** The messages of a conversation, in the layouts that data sets have, as one layout. */
import { describe } from "../errors.ts";
import { type Fields, type ItemRules, isObject, refuseUnreadInput } from "./input-fields.ts";
import { checkString, describeField, invalidItem } from "./texts.ts";

/** Who speaks in a turn. */
export type ChatRole = "system" | "user" | "assistant";

/** One turn of a conversation. */
export interface ChatMessage {
  /** Who speaks; a system turn can only be the first. */
  readonly role: ChatRole;
  /** What is said: valid Unicode, may be empty. */
  readonly content: string;
}

/** A part of a message's content: only texts can be scored. */
export interface TextPart {
  /** The kind of part. */
  readonly type: "text";
  /** What is said; the texts of several parts are joined with nothing between them. */
  readonly text: string;
}

/**
 * A turn as data sets write it. Besides {@link ChatMessage}: content as a list of text parts; the role "developer", which is
 * "system"; a system turn without content (null), which is left out; ShareGPT's {from, value}, where "human" is the user and
 * "gpt" the assistant; and {from, content}.
 */
export type MessageInput =
  | ChatMessage
  | {
      /** Who speaks; "developer" is "system". */
      readonly role: ChatRole | "developer";
      /** What is said; null only in a system turn, which is then left out. */
      readonly content: string | readonly TextPart[] | null;
    }
  | {
      /** Who speaks, by ShareGPT's names: "human" or "user", "gpt" or "assistant", "system". */
      readonly from: string;
      /** What is said; null only in a system turn, which is then left out. */
      readonly value: string | readonly TextPart[] | null;
    }
  | {
      /** Who speaks, by ShareGPT's names. */
      readonly from: string;
      /** What is said; null only in a system turn, which is then left out. */
      readonly content: string | readonly TextPart[] | null;
    };

/** Most messages of one item. Longer conversations than a context holds have fewer; templates take time for each. */
export const MAX_MESSAGES_PER_ITEM = 10_000;

/** Names of the roles in messages with "role". */
const ROLES: ReadonlyMap<string, ChatRole> = new Map([
  ["system", "system"],
  ["developer", "system"],
  ["user", "user"],
  ["assistant", "assistant"],
]);
/** The same in messages with "from", by ShareGPT's names. */
const SPEAKERS: ReadonlyMap<string, ChatRole> = new Map([
  ...ROLES,
  ["human", "user"],
  ["gpt", "assistant"],
  ["chatgpt", "assistant"],
]);

/** The names of a message's two fields: OpenAI's, or ShareGPT's, or one of each, as LLaMA-Factory and ColossalChat can have them. */
function fieldsOf(message: Fields): readonly ["role" | "from", "content" | "value"] {
  const speaker = message["role"] === undefined && message["from"] !== undefined ? "from" : "role";
  const [own, other] = speaker === "role" ? (["content", "value"] as const) : (["value", "content"] as const);
  return [speaker, isNothing(message[own]) && !isNothing(message[other]) ? other : own];
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

/** Whether a value is meant as a message, right or wrong. */
export function isMessage(value: unknown): value is Fields {
  return isObject(value) && ("role" in value || "from" in value);
}

/** Who speaks in a message of either layout; undefined for an unknown name, and for what is no message. */
export function roleOf(value: unknown): ChatRole | undefined {
  if (!isObject(value)) return undefined;
  const [speaker] = fieldsOf(value);
  return (speaker === "from" ? SPEAKERS : ROLES).get(value[speaker] as string);
}

/** What a message of either layout says; undefined for what is no message. */
export function contentOf(value: unknown): unknown {
  return isObject(value) ? value[fieldsOf(value)[1]] : undefined;
}

const whose = { assistant: "the assistant's, the one to score", user: "the user's, the one to answer" };

/** @throws InvalidInputError ERR_INVALID_ITEM where another role comes last */
export function refuseLastTurn(messages: readonly ChatMessage[], name: string, lastRole: "user" | "assistant"): void {
  const last = messages.length - 1;
  if (messages[last]?.role === lastRole) return;
  throw invalidItem(
    `Expected the last message of ${name} to be ${whose[lastRole]}, but its role is "${messages[last]?.role}".`,
    `${name}[${last}].role`,
  );
}

/** One or more messages, whatever the last role. */
export function checkTurnList(value: unknown, name: string, rules: ItemRules): readonly ChatMessage[] {
  if (!Array.isArray(value) || value.length === 0)
    throw invalidItem(
      `Expected a non-empty array of {"role","content"} for ${name} but received ${describeField(value)}.`,
      name,
    );
  if (value.length > MAX_MESSAGES_PER_ITEM)
    throw invalidItem(`${name} has ${value.length} messages; at most ${MAX_MESSAGES_PER_ITEM} are scored.`, name);
  const messages = value.flatMap((message: unknown, i) => checkMessage(message, `${name}[${i}]`, i, rules));
  if (messages.length === 0) throw invalidItem(`${name} has only a system turn without content.`, name);
  return messages;
}

/** None for a system turn without content. */
function checkMessage(value: unknown, where: string, index: number, rules: ItemRules): ChatMessage[] {
  if (!isObject(value))
    throw invalidItem(`Expected {"role","content"} for ${where} but received ${describeField(value)}.`, where);
  refuseUnreadInput(value, where, rules, [], true);
  const [speaker, said] = fieldsOf(value);
  const role = roleOf(value);
  if (role === undefined) {
    const expected = speaker === "from" ? '"system", "human" or "gpt"' : '"system", "user" or "assistant"';
    const field = `${where}.${speaker}`;
    const given = value[speaker];
    const message =
      given === undefined
        ? `${field} is missing: expected ${expected}.`
        : `Expected ${expected} for ${field} but received ${describe(given)}.`;
    throw invalidItem(message, field);
  }
  const content = value[said];
  if (role === "system" && isNothing(content)) return [];
  if (role === "system" && index !== 0)
    throw invalidItem(`Expected a system turn only as the first message, but ${where} is one.`, `${where}.${speaker}`);
  return [{ role, content: checkText(content, `${where}.${said}`) }];
}

/** Whether a value is a list of a content's parts, and not one of messages. */
export function areParts(value: unknown): value is readonly unknown[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((part) => isObject(part) && typeof part["type"] === "string" && !isMessage(part))
  );
}

/** A text, or a list of text parts as one text. @throws InvalidInputError ERR_INVALID_ITEM, naming the type of another part */
export function checkText(value: unknown, where: string): string {
  if (!areParts(value)) return checkString(value, where);
  const texts = value.map((part, i) => {
    const { type, text } = part as Readonly<Record<string, unknown>>;
    if (type === "text") return checkString(text, `${where}[${i}].text`);
    throw invalidItem(
      `${where}[${i}] is a part of the type ${JSON.stringify(type)}, which cannot be scored: only "text" parts can.`,
      `${where}[${i}]`,
    );
  });
  return texts.join("");
}

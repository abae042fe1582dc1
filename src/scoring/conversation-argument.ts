/** The first argument of rank() and openPrompt(): a conversation that waits for a response, in any of its forms. */
import { describe, InvalidInputError } from "../errors.ts";
import { type Check, checkOptions, nearest, readable } from "../options.ts";
import { type Fields, isObject, refuseUnreadInput } from "../prompt/input-fields.ts";
import { checkPrompt, withSystem } from "../prompt/items.ts";
import type { ChatMessage, MessageInput, TextPart } from "../prompt/messages.ts";
import { checkContent } from "../prompt/texts.ts";

/**
 * A conversation that ends with the user's turn: a text, messages, or an object with one of them, such as a row of a data
 * set. Of an object only these fields are read. Other fields that belong to the input, such as "tools", are refused.
 */
export type ConversationInput =
  | string
  | readonly MessageInput[]
  | {
      /** What the user says; or a conversation that ends with the user's turn. */
      readonly prompt: string | readonly MessageInput[] | readonly TextPart[];
      /** A system turn before the prompt, where it has none; empty: none. */
      readonly system?: string;
    }
  | {
      /** A conversation that ends with the user's turn. */
      readonly messages: readonly MessageInput[];
      /** A system turn before the messages, where they have none; empty: none. */
      readonly system?: string;
    };

/** What all responses share; an item is made of it by adding the response. */
export interface SharedPrompt {
  readonly prompt: string | readonly ChatMessage[];
  readonly system?: string;
}

const FIELDS = ["prompt", "messages", "system"];
const EXPECTED = 'a text, messages, {"prompt"} or {"messages"}';

type Checks = Readonly<Record<string, Check>>;

/**
 * Splits the argument into conversation and options: an object may have both.
 *
 * @param own checks of the options that the object itself may have; anything else in it is data
 * @param more options that came in another argument, and their checks
 * @throws InvalidInputError
 */
export function conversationArgument<Options extends object>(
  caller: string,
  value: unknown,
  own: Checks,
  [more, checks]: readonly [unknown, Checks] = [undefined, {}],
): { readonly shared: SharedPrompt; readonly options: Options } {
  const later = checkOptions<object>(caller, more as object, checks);
  return readable(`${caller}'s conversation`, () => {
    const { fields, options } = split(caller, value, own);
    const all = { ...checkOptions<object>(caller, options, own), ...later };
    return { shared: sharedPrompt(fields, all), options: all as Options };
  });
}

/** The fields of a row or of an object of options, and the options among them. */
function split(caller: string, value: unknown, checks: Checks) {
  if (typeof value === "string" || Array.isArray(value)) return { fields: { prompt: value }, options: {} };
  if (!isObject(value)) throw invalid(`Expected ${EXPECTED} as the conversation but received ${describe(value)}.`);
  const fields: Record<string, unknown> = {};
  const options: Record<string, unknown> = {};
  // Inherited ones count, as wherever options are destructured.
  for (const name in value) {
    if (Object.hasOwn(checks, name)) options[name] = value[name];
    else fields[name] = value[name];
  }
  for (const name of Object.keys(fields)) {
    const near = FIELDS.includes(name) ? undefined : nearest(name, absent(fields, options, checks));
    if (near === undefined) continue;
    const what = `${caller} has no option "${name}". Did you mean "${near}"?`;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", what, { field: name });
  }
  return { fields, options };
}

/** What a misspelled name may stand for: a row with messages may well have a "prompt_id". */
function absent(fields: Fields, options: Fields, checks: Checks): string[] {
  const isThere = fields["prompt"] !== undefined || fields["messages"] !== undefined;
  const names = [...(isThere ? ["system"] : FIELDS), ...Object.keys(checks)];
  return names.filter((name) => !(name in fields || name in options));
}

function sharedPrompt(fields: Fields, options: { readonly ignoreFields?: readonly string[] }): SharedPrompt {
  const rules = { ignoreFields: options.ignoreFields };
  const given = FIELDS.filter((name) => fields[name] !== undefined && fields[name] !== null);
  const kinds = given.filter((name) => name !== "system");
  const [where] = kinds;
  if (kinds.length !== 1 || where === undefined)
    throw invalid(`Expected ${EXPECTED} as the conversation, but it has ${kinds.length === 0 ? "neither" : "both"}.`);
  refuseUnreadInput(fields, "The conversation", rules, FIELDS);
  if (where === "messages" && !Array.isArray(fields[where]))
    throw invalid(`Expected an array of {"role","content"} for messages but received ${describe(fields[where])}.`);
  const prompt = checkPrompt(fields[where], where, rules);
  if (!given.includes("system")) return { prompt };
  const system = checkContent(fields["system"], "system");
  if (typeof prompt !== "string") withSystem(system === "" ? undefined : system, prompt, where);
  return { prompt, system };
}

function invalid(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field: "conversation" });
}

/** Rows without a part of what is to be scored: what is missing, and where it could be. */
import { InvalidInputError } from "../errors.ts";
import { isNameOf, type NamedField } from "./common-names.ts";
import { type Fields, fieldNames } from "./input-fields.ts";
import { rowAdvice } from "./row-advice.ts";
import { quotedNames } from "./texts.ts";
import { transcriptWarning } from "./transcript.ts";

/** How messages name the row and its fields. */
export interface RowNames {
  /** Names an item of the library's, where a row has no options: "items[3]". */
  readonly where?: string | undefined;
  /** The row's names of its fields, where they differ from ours. */
  readonly from?: ReadonlyMap<string, readonly string[]>;
  /** Every value is a text: null is an empty cell. */
  readonly isCsv?: boolean;
}

/**
 * @param value the row
 * @param given its fields that have a value
 * @param shapes what a row can be
 * @throws InvalidInputError ERR_INVALID_ITEM
 */
export function refuseIncomplete(value: Fields, given: Fields, shapes: string, names: RowNames): void {
  const isGiven = (name: string) => given[name] !== undefined;
  const has = `${names.where ?? "the row"} ${fieldNames(value, names.from)}`;
  const response = ["response", "responses"].find(isGiven);
  const hasPrompt = ["text", "prompt", "messages"].some(isGiven);
  if (response === undefined && !hasPrompt) {
    const advice = rowAdvice(value);
    if (advice !== undefined) throw wrong(`Expected one of ${shapes}, but ${has}. ${advice}`);
    throw wrong(`Expected one of ${shapes}, but ${has}${option(names, "--field prompt=NAME --field response=NAME")}.`);
  }
  if (response === undefined && isGiven("prompt")) {
    refuseNull(value, ["response", "responses"], "prompt", names);
    throw wrong(
      `Expected "response" or "responses" beside "prompt", but ${has}${option(names, "--field response=NAME")}.`,
    );
  }
  if (response === undefined || hasPrompt) return;
  refuseNull(value, ["prompt", "messages"], response, names);
  const expected = `Expected "prompt" or "messages" beside "${response}", but ${has}`;
  const transcript = transcriptAdvice(given[response], response, names);
  throw wrong(
    transcript === undefined ? `${expected}${option(names, "--field prompt=NAME")}.` : `${expected}. ${transcript}`,
  );
}

function option({ where }: RowNames, options: string): string {
  return where === undefined ? ` (${options} reads other fields)` : "";
}

/** A field that is there and has no value. */
function refuseNull(
  value: Fields,
  targets: readonly NamedField[],
  beside: string,
  { where, from, isCsv = false }: RowNames,
): void {
  const name = Object.keys(value).find((one) => value[one] === null && targets.some((target) => isNameOf(target, one)));
  if (name === undefined) return;
  const shown = quotedNames(from?.get(name) ?? [name]);
  throw new InvalidInputError(
    "ERR_INVALID_ITEM",
    `Expected ${targets.map((target) => JSON.stringify(target)).join(" or ")} beside "${beside}", but ${shown} ` +
      `${where === undefined ? "" : `of ${where} `}is ${isCsv ? "an empty cell" : "null"}: a row without it cannot be scored.`,
    { field: name },
  );
}

/** Preferences such as HH-RLHF's: every side is the whole conversation, as one text. */
function transcriptAdvice(value: unknown, response: string, { where, from }: RowNames): string | undefined {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!texts.every((text) => typeof text === "string" && transcriptWarning(text) !== undefined)) return undefined;
  const names = from?.get(response) ?? [response];
  const [is, its] = names.length === 1 ? ["is a whole conversation", "its"] : ["are whole conversations", "their"];
  const raw = names.map((name) => `--field text=${name}`).join(" or ");
  return (
    `${quotedNames(names)} ${is} written as one text, with the prompt in it: write ${its} turns as a list of messages ` +
    `(docs/cookbook.md has the command), or score the text as it is, without a chat template (${where === undefined ? `score ${raw}` : '{"text"}'}).`
  );
}

function wrong(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message);
}

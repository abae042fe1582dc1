/** The options of a request to the own interface: unknown ones are refused, null is absent. */
import { InvalidInputError, invalidArgument } from "../../errors.ts";
import { aBoolean, aNameList, nearest } from "../../options.ts";
import { type Fields, plainName } from "../../prompt/input-fields.ts";
import type { ScoreRules } from "../contract.ts";

/** Names of the options of every scoring request; "model" is what OpenAI's clients send. */
export const SCORING_FIELDS = ["model", "perToken", "strict", "ignoreFields", "allHeads"] as const;

/** @throws InvalidInputError */
export function readRules(body: Fields): ScoreRules {
  for (const name of Object.keys(body)) refuseOtherSpelling(name, SCORING_FIELDS);
  return {
    perToken: flag(body, "perToken"),
    strict: flag(body, "strict"),
    allHeads: flag(body, "allHeads"),
    ignoreFields: names(body["ignoreFields"]),
  };
}

function flag(body: Fields, name: string): boolean {
  const value = body[name] ?? false;
  const expected = aBoolean(value);
  if (expected !== undefined) throw invalidArgument(name, expected, value);
  return value as boolean;
}

function names(value: unknown): readonly string[] {
  const list = value ?? [];
  const expected = aNameList(list);
  if (expected !== undefined) throw invalidArgument("ignoreFields", expected, value);
  return list as readonly string[];
}

/** per_token is perToken to a person, and would be ignored in silence. */
function refuseOtherSpelling(name: string, known: readonly string[]): void {
  const meant = known.find((own) => own !== name && plainName(own) === plainName(name));
  if (meant !== undefined) throw unknown(name, meant);
}

/** @throws InvalidInputError for a field that is not one of `known` */
export function refuseUnknown(body: Fields, known: readonly string[]): void {
  for (const name of Object.keys(body)) {
    if (known.includes(name)) continue;
    const same = known.find((own) => plainName(own) === plainName(name));
    throw unknown(name, same ?? nearest(name, known), known);
  }
}

function unknown(name: string, meant: string | undefined, known: readonly string[] = []): InvalidInputError {
  const shown = JSON.stringify(name.slice(0, 60));
  const advice = meant === undefined ? ` It takes ${known.join(", ")}.` : ` Did you mean "${meant}"?`;
  return new InvalidInputError("ERR_INVALID_ARGUMENT", `The request has the unknown field ${shown}.${advice}`, {
    field: name.slice(0, 60),
  });
}

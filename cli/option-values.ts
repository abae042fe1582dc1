/** Parsers for option values; their messages name what is allowed. */
import { InvalidArgumentError } from "commander";
import { isTemplateDate } from "./library.ts";

/** Description of --force. */
export const REPLACE = "replace an existing output file";

/** A parser for a whole number between two bounds, inclusive. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A date in the form the library expects. */
export function templateDate(text: string): string {
  if (isTemplateDate(text)) return text;
  throw new InvalidArgumentError("Expected a date like 2024-07-26 (YYYY-MM-DD).");
}

/** For a repeatable option. It has no default, because the help would show an empty list. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

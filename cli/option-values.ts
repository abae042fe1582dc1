/** Values of options: parsing with messages that name what is allowed. */
import { InvalidArgumentError } from "commander";
import { isTemplateDate } from "./library.ts";

/** A parser for a whole number between two bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A date as the library takes it. */
export function templateDate(text: string): string {
  if (isTemplateDate(text)) return text;
  throw new InvalidArgumentError("Expected a date like 2024-07-26 (YYYY-MM-DD).");
}

/** For an option that may be given several times. It has no default: that of an empty list would stand in the help. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

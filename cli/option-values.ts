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

const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A parser for a number of bytes: 1048576, 64MiB, 64M. */
export function byteCount(min: number, max: number): (text: string) => number {
  return (text) => {
    const [, digits = "", unit = ""] = /^(\d+)\s*(?:([kmg])(?:i?b)?)?$/i.exec(text.trim()) ?? [];
    const value = Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? 1);
    if (digits === "" || value < min || value > max)
      throw new InvalidArgumentError(`Expected bytes from ${min} to ${max}, such as 64MiB.`);
    return value;
  };
}

/** A parser for seconds. */
export function seconds(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d*\.?\d+$/.test(text) || value > max)
      throw new InvalidArgumentError(`Expected seconds from 0 to ${max}, such as 30 or 0.5.`);
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

/** Checks of option objects: misspelled names are caught, values are checked by one formula. */

import { MAX_THREADS } from "./bounds.ts";
import { InvalidInputError, invalidArgument, isStarlingError, reasonOf } from "./errors.ts";

/** A check returns a description of what was expected, or undefined if the value is right. */
export type Check = (value: unknown) => string | undefined;

/**
 * Checks the options of a public function and copies them: what was checked is what is used, and no getter of the caller's
 * runs later. undefined counts as not given.
 *
 * @param required names of options that must be given
 * @returns the options that were given, in a plain object
 * @throws InvalidInputError ERR_INVALID_ARGUMENT for what is not an object, an unknown name (the nearest known one is
 *   suggested), a wrong value or a missing option
 */
export function checkOptions<Options>(
  caller: string,
  options: Options | undefined,
  checks: Readonly<Record<string, Check>>,
  required: readonly string[] = [],
): Options {
  return readable(`${caller}'s options`, () => {
    const checked = copyChecked(caller, options, checks);
    const missing = required.find((name) => checked[name] === undefined);
    if (missing === undefined) return checked as Options;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", `The option ${missing} of ${caller} is missing.`, {
      field: missing,
    });
  });
}

/** Refuses a second argument (in `args`, the caller's `arguments`): options in it would be ignored. */
export function takesOnlyOptions(caller: string, args: ArrayLike<unknown>): void {
  if (args.length <= 1) return;
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `${caller} takes one argument, an object of options, but received ${args.length}: put all options into that object.`,
    { field: "arguments[1]" },
  );
}

function copyChecked(
  caller: string,
  options: unknown,
  checks: Readonly<Record<string, Check>>,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  if (options === undefined) return copy;
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw invalidArgument(`${caller}'s options`, "an object", options);
  // Inherited options count, as they do wherever options are destructured.
  for (const name in options) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (!check) {
      const near = nearest(name, Object.keys(checks));
      const hint = near === undefined ? "" : ` Did you mean "${near}"?`;
      throw new InvalidInputError("ERR_INVALID_ARGUMENT", `${caller} has no option "${name}".${hint}`, { field: name });
    }
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const expected = check(value);
    if (expected !== undefined) throw invalidArgument(name, expected, value);
    copy[name] = value;
  }
  return copy;
}

/**
 * What `read` returns of a caller's value.
 *
 * @throws InvalidInputError ERR_INVALID_ARGUMENT where the value itself throws: a getter, a proxy
 */
export function readable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isStarlingError(cause)) throw cause;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", `${name} cannot be read: ${reasonOf(cause)}`, {
      field: name,
      cause,
    });
  }
}

/** The entries that have a value: an option that was not given is not passed on. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Also for paths: no system allows a NUL character in one. */
export const aString: Check = (value) => {
  if (typeof value !== "string" || value === "") return "a non-empty string";
  return value.includes("\0") ? "a string without NUL characters" : undefined;
};

/** A string, which may be empty. */
export const aText: Check = (value) => (typeof value === "string" ? undefined : "a string");

export const aList: Check = (value) => (Array.isArray(value) ? undefined : "an array");

/** What `for await` accepts, except strings. */
export const anIterable: Check = (value) =>
  typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
    ? undefined
    : "an iterable";

export const aBoolean: Check = (value) => (typeof value === "boolean" ? undefined : "true or false");

export const aNameList: Check = (value) =>
  Array.isArray(value) && value.every((name) => aString(name) === undefined) ? undefined : "a list of names";

export const aFunction: Check = (value) => (typeof value === "function" ? undefined : "a function");

export const aSignal: Check = (value) => (value instanceof AbortSignal ? undefined : "an AbortSignal");

export function anInteger(min: number, max: number): Check {
  return (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `a whole number from ${min} to ${max}`;
}

export const aThreadCount: Check = anInteger(1, MAX_THREADS);

export function oneOf(values: readonly string[]): Check {
  const expected = `one of ${values.map((value) => `"${value}"`).join(", ")}`;
  return (value) => (typeof value === "string" && values.includes(value) ? undefined : expected);
}

const MAX_TYPING_ERRORS = 3;
/** A typing error for so many letters; in a shorter name, one. */
const LETTERS_PER_ERROR = 3;

/** The known name that is fewest typing errors away from `name`, if any is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  const allowed = Math.max(1, Math.floor(name.length / LETTERS_PER_ERROR));
  let bestDistance = Math.min(MAX_TYPING_ERRORS, allowed) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // A name of one or two letters is another one when a letter changes.
    if (distance < bestDistance && distance < Math.min(name.length, candidate.length) - 1)
      [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * The value that was probably meant: "q4_k" is q4_k_m, "jsonlines" is jsonl.
 *
 * @param known in the order of preference
 */
export function nearestValue(value: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[\s_.-]/g, "");
  const given = plain(value);
  if (given === "") return undefined;
  const begun = known
    .filter((name) => given.startsWith(plain(name)) && 2 * plain(name).length >= given.length)
    .sort((a, b) => b.length - a.length);
  return (
    known.find((name) => plain(name) === given) ??
    known.find((name) => given.length > 1 && plain(name).startsWith(given)) ??
    begun[0] ??
    nearest(value, known)
  );
}

/** Letters to change, insert, remove or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(substitution, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

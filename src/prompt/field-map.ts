/** Where a row has its fields: by names that were given, and by names that are common. */
import { InvalidInputError, invalidArgument } from "../errors.ts";
import { type Check, nearest } from "../options.ts";
import { isNameOf, type NamedField } from "./common-names.ts";
import { asParsed } from "./csv-cells.ts";
import { lookUp, topName } from "./field-path.ts";
import { type Fields, type ItemRules, isEmpty, isIgnored, plainName } from "./input-fields.ts";
import { invalidItem, quotedNames } from "./texts.ts";
import { contains, endsWithAssistant, onlyAnswer } from "./turns.ts";

/**
 * The names of fields in rows, by what they are here: { prompt: "question", response: "answer" }. A dot goes into an object or,
 * with a number, into a list: "choices.0.message.content". Several names for "prompt" or "system" are joined with a blank line,
 * several for "responses" are a list.
 */
export type FieldMapping = Readonly<Record<string, string | readonly string[]>>;

export const aFieldMapping: Check = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? undefined
    : 'an object such as { prompt: "question" }';

/** A row with its fields under the names that are used here. */
export interface MappedFields {
  readonly fields: Fields;
  /** The names in the row, by the field that they became. */
  readonly from: ReadonlyMap<string, readonly string[]>;
  /** Which names were taken because they are common; undefined: none were. */
  readonly notice: string | undefined;
}

export interface FieldMapRules extends ItemRules {
  /** Look for common names where a row has none of ours. Default: true. */
  readonly aliases?: boolean;
  /** Several responses are wanted: of a preference, both. Default: false. */
  readonly many?: boolean;
  /** Rows are preferences: "chosen" and "rejected", or responses with an order. Default: false. */
  readonly pairs?: boolean;
}

const JOINED = ["prompt", "system"];
const LISTED = "responses";
const CONTEXT = ["text", "prompt", "messages"];
const RESPONSE = ["response", "responses"];

export class FieldMap {
  readonly #mapping: readonly (readonly [string, readonly string[]])[];
  readonly #rules: FieldMapRules;

  /**
   * @param targets what can be mapped
   * @throws InvalidInputError ERR_INVALID_ARGUMENT
   */
  constructor(mapping: FieldMapping, targets: readonly string[], rules: FieldMapRules = {}) {
    this.#rules = rules;
    this.#mapping = Object.entries(mapping).map(([target, names]) => {
      const list = typeof names === "string" ? [names] : names;
      if (!Array.isArray(list) || list.length === 0 || list.some((name) => typeof name !== "string" || name === ""))
        throw invalidArgument(`the field of ${target}`, "a name, or a list of names,", names);
      if (!targets.includes(target)) {
        const near = nearest(target, targets);
        const advice = near === undefined ? "" : ` Did you mean ${JSON.stringify(near)}?`;
        throw new InvalidInputError(
          "ERR_INVALID_ARGUMENT",
          `Expected one of ${targets.join(", ")} to be read from ${list.join(", ")} but received ${JSON.stringify(target)}.${advice}`,
          { field: "mapping" },
        );
      }
      if (list.length > 1 && target !== LISTED && !JOINED.includes(target))
        throw new InvalidInputError(
          "ERR_INVALID_ARGUMENT",
          `Expected one field for ${target} but received ${list.length}: only prompt, system and responses can have several.`,
          { field: "mapping" },
        );
      return [target, list] as const;
    });
  }

  /** @throws InvalidInputError ERR_INVALID_ITEM for a row without a named field, or with fields that could all be meant */
  read(row: Fields): MappedFields {
    const from = new Map<string, readonly string[]>();
    const named = this.#mapping.length === 0 ? row : this.#named(row, from);
    if (this.#rules.aliases === false) return { fields: named, from, notice: undefined };
    return this.#common(named, from);
  }

  /** What is wrong with a table of these columns, to follow its name; undefined: rows can be read from it. */
  tableProblem(columns: readonly string[], shapes: string): string | undefined {
    const has = `its columns are ${columns.map((name) => JSON.stringify(name)).join(", ")}`;
    for (const [target, paths] of this.#mapping) {
      const missing = paths.find((path) => !columns.includes(path) && !columns.includes(path.split(".")[0] as string));
      if (missing !== undefined) return `has no column ${JSON.stringify(missing)} to read ${target} from: ${has}`;
    }
    if (this.#rules.aliases === false || this.#rules.pairs) return undefined;
    const isThere = (target: NamedField) =>
      this.#mapping.some(([name]) => name === target) ||
      columns.some((name) => isNameOf(target, name) && !isIgnored(name, this.#rules));
    const isChosen = columns.some((name) => plainName(name) === "chosen");
    const canBe =
      isThere("text") ||
      isThere("messages") ||
      isChosen ||
      (isThere("prompt") && (isThere("response") || isThere("responses")));
    if (canBe) return undefined;
    return `cannot be read as ${shapes}: ${has} (--field prompt=COLUMN --field response=COLUMN names them)`;
  }

  #named(row: Fields, from: Map<string, readonly string[]>): Fields {
    const values = this.#mapping.map(([target, paths]) => {
      const found = paths.map((path) => ({ path, value: lookUp(row, path) }));
      from.set(target, paths);
      const missing = found.find(({ value }) => value === undefined);
      // A row may go without a system turn, and without one of several.
      if (missing !== undefined && paths.length === 1 && target !== "system")
        throw invalidItem(
          `The row has no ${JSON.stringify(missing.path)} to read ${target} from: ${namesOf(row)}.`,
          target,
        );
      return [target, combined(target, found)] as const;
    });
    const targets = this.#mapping.map(([target]) => target);
    const used = new Set(this.#mapping.flatMap(([, paths]) => paths.map((path) => topName(row, path))));
    const replaced = [CONTEXT, RESPONSE].flatMap((group) =>
      group.some((name) => targets.includes(name)) ? group : [],
    );
    // A text is all there is.
    if (targets.includes("text")) replaced.push(...CONTEXT, ...RESPONSE, "system");
    const rest = Object.entries(row).filter(([name]) => !used.has(name) && !replaced.includes(name));
    return Object.fromEntries([...rest, ...values]);
  }

  #common(fields: Fields, from: Map<string, readonly string[]>): MappedFields {
    const isGiven = (name: string) =>
      fields[name] !== undefined && fields[name] !== null && !isIgnored(name, this.#rules);
    if (isGiven("text")) return { fields, from, notice: undefined };
    const taken = new Map<string, Taken>();
    const names = Object.keys(fields).filter((name) => isGiven(name) && !isEmpty(name, fields[name]));
    const candidates = (target: NamedField) => names.filter((name) => name !== target && isNameOf(target, name));
    const lists = (target: NamedField) => candidates(target).filter((name) => Array.isArray(asParsed(fields[name])));
    if (!isGiven("prompt") && !isGiven("messages")) {
      const conversations = lists("messages");
      const prompts = [...conversations, ...candidates("prompt")];
      const joined = instructionAndInput(fields, prompts);
      const one = joined === undefined ? only(fields, prompts, "prompt") : undefined;
      if (joined !== undefined) taken.set("prompt", joined);
      else if (one !== undefined) taken.set(conversations.includes(one) ? "messages" : "prompt", { names: [one] });
    }
    if (!isGiven("system")) {
      const one = only(fields, candidates("system"), "system");
      if (one !== undefined) taken.set("system", { names: [one] });
    }
    const messages = isGiven("messages") ? "messages" : taken.get("messages")?.names[0];
    const isWhole = messages !== undefined && endsWithAssistant(fields[messages]);
    if (this.#rules.pairs) {
      const isPair = isGiven("chosen") || isGiven("rejected") || isGiven("responses");
      const one = isPair ? undefined : only(fields, lists("responses"), "responses");
      if (one !== undefined) taken.set("responses", { names: [one] });
    } else if (!isGiven("response") && !isGiven("responses") && !isWhole) {
      const several = lists("responses");
      const one = only(fields, [...several, ...candidates("response")], "response");
      if (one !== undefined)
        taken.set(several.includes(one) || areTexts(fields[one]) ? "responses" : "response", { names: [one] });
      else this.#preference(fields, names, taken);
    }
    if (taken.size === 0) return { fields, from, notice: undefined };
    const used = new Set([...taken.values()].flatMap(({ names: own }) => own));
    const rest = Object.entries(fields).filter(([name]) => !used.has(name) && !taken.has(name));
    const values = [...taken].map(([target, one]) => {
      from.set(target, one.names);
      return [target, "value" in one ? one.value : fields[one.names[0] as string]] as const;
    });
    return { fields: Object.fromEntries([...rest, ...values]), from, notice: noticeOf(taken) };
  }

  /** {"chosen", "rejected"}: both, or the chosen one. */
  #preference(fields: Fields, names: readonly string[], taken: Map<string, Taken>): void {
    const [chosen, rejected] = ["chosen", "rejected"].map((wanted) => names.find((name) => plainName(name) === wanted));
    if (chosen === undefined) return;
    const value = asParsed(fields[chosen]);
    const other = rejected === undefined ? undefined : asParsed(fields[rejected]);
    if (this.#rules.many === true && rejected !== undefined) {
      const pair = [value, other].map((one) => onlyAnswer(one) ?? one);
      if (areTexts(pair)) taken.set("responses", { names: [chosen, rejected], value: pair });
      return;
    }
    const isConversation = Array.isArray(value) && onlyAnswer(value) === undefined;
    if (!isConversation) {
      taken.set("response", { names: [chosen], unread: rejected });
      return;
    }
    const prompt = taken.get("prompt")?.names[0] ?? "prompt";
    const text = fields[prompt];
    // The conversation has the prompt in it; another one would be lost.
    const isInside = text === undefined || text === null || contains(value, text);
    if (!isInside || fields["messages"] !== undefined)
      throw invalidItem(
        `${JSON.stringify(chosen)} is a conversation that does not contain the row's prompt: name what to score ` +
          `(--field messages=${chosen}).`,
        chosen,
      );
    taken.delete("prompt");
    taken.set("prompt", { names: text === undefined || text === null ? [] : [prompt], value: null, isSilent: true });
    taken.set("messages", { names: [chosen], unread: rejected });
  }
}

interface Taken {
  /** In the row. */
  readonly names: readonly string[];
  /** Where it is not the value of the one name. */
  readonly value?: unknown;
  /** A field beside it that is not scored, and worth a word. */
  readonly unread?: string | undefined;
  readonly isSilent?: boolean;
}

function noticeOf(taken: ReadonlyMap<string, Taken>): string | undefined {
  const told = [...taken].filter(([, { isSilent }]) => isSilent !== true);
  if (told.length === 0) return undefined;
  const unread = told.flatMap(([, one]) => (one.unread === undefined ? [] : [one.unread]));
  return (
    `reading ${told.map(([target, { names }]) => `${target} from ${quotedNames(names)}`).join(", ")}` +
    (unread.length === 0 ? "" : `; ${quotedNames(unread)} is not scored`)
  );
}

/** The one candidate, of several with the same content the first. @throws InvalidInputError where they differ */
function only(fields: Fields, candidates: readonly string[], target: string): string | undefined {
  const [first, ...others] = candidates;
  const other = others.find((name) => JSON.stringify(fields[name]) !== JSON.stringify(fields[first as string]));
  if (other === undefined) return first;
  const joined = JOINED.includes(target)
    ? `, or join them (${candidates.map((name) => `--field ${target}=${name}`).join(" ")})`
    : "";
  const left = others.map((name) => `--ignore-field ${name}`).join(" ");
  throw invalidItem(
    `The row has ${quotedNames(candidates)}, each of which could be the ${target}: name one ` +
      `(--field ${target}=${first}${JOINED.includes(target) ? ` ${left}` : ""})${joined}.`,
    target,
  );
}

const BLANK_LINE = "\n\n";

/** Rows in Alpaca's format: the input is what the instruction is about. */
function instructionAndInput(fields: Fields, candidates: readonly string[]): Taken | undefined {
  if (candidates.length !== 2) return undefined;
  const names = ["instruction", "input"].map((wanted) => candidates.find((name) => plainName(name) === wanted));
  const [instruction, input] = names.map((name) => (name === undefined ? undefined : fields[name]));
  if (typeof instruction !== "string" || typeof input !== "string" || instruction === input) return undefined;
  return { names: names as string[], value: `${instruction}${BLANK_LINE}${input}` };
}

function combined(target: string, found: readonly { readonly path: string; readonly value: unknown }[]): unknown {
  const [first, ...others] = found;
  if (others.length === 0) return first?.value;
  const there = found.filter(({ path, value }) => !isEmpty(path, value));
  if (target === LISTED) return there.map(({ value }) => value);
  if (there.length <= 1) return there[0]?.value ?? first?.value;
  for (const { path, value } of there)
    if (typeof value !== "string")
      throw invalidItem(
        `Expected a string in ${JSON.stringify(path)}, because several fields are joined to one ${target}.`,
        target,
      );
  return there.map(({ value }) => value).join(BLANK_LINE);
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
}

function namesOf(row: Fields): string {
  const names = Object.keys(row);
  return names.length === 0
    ? "it has no fields"
    : `it has ${names
        .slice(0, 8)
        .map((name) => JSON.stringify(name))
        .join(", ")}`;
}

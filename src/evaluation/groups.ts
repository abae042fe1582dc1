/** What accuracy is broken down by: fields of the rows, and what can be said of any case. */
import { createHash } from "node:crypto";
import { InvalidInputError } from "../errors.ts";
import { lookUp } from "../prompt/field-path.ts";
import { isObject } from "../prompt/input-fields.ts";
import type { PromptCase, ScoredCase } from "./case.ts";
import { SeenNames } from "./seen-names.ts";

/** Names that mean something without a field in the row. */
const DERIVED_GROUPS: readonly string[] = ["turns", "length"];

/** Longer values are texts, not names of groups: their beginning names them, and a hash tells them apart. */
const MAX_VALUE = 200;
const HASH_DIGITS = 8;
/** Bands of "length": tokens of the longest response with its prompt, from this many on. */
const BANDS = [0, 128, 256, 512, 1024, 2048, 4096];

/** Reads the groups of rows, and notes which fields the rows have: a name that none has is a mistake. */
export class GroupReader {
  readonly #by: readonly string[];
  readonly #found = new Set<string>();
  /** The first list or object of a field. */
  readonly #nested = new Map<string, object>();
  readonly #seen = new SeenNames();

  /** @param by names of fields, or derived ones */
  constructor(by: readonly string[]) {
    this.#by = by;
  }

  /** The fields' values in a row, and the number of turns; what the row has not is absent. Undefined without names. */
  groupsOf(row: unknown, { responses }: PromptCase): Readonly<Record<string, string>> | undefined {
    if (this.#by.length === 0) return undefined;
    if (isObject(row)) this.#seen.add(row);
    const groups: Record<string, string> = {};
    for (const name of this.#by) {
      const value = isObject(row) ? lookUp(row, name) : undefined;
      const text = valueText(value);
      if (text !== undefined) groups[name] = text;
      else if (name === "turns") groups[name] = String(turnsOf(responses[0]?.item));
      if (text === undefined && typeof value === "object" && value !== null) {
        if (!this.#nested.has(name)) this.#nested.set(name, value);
      } else if (value !== undefined) this.#found.add(name);
    }
    return groups;
  }

  /**
   * To be called when all rows were read.
   *
   * @throws InvalidInputError for a name that no row has, or that has only lists and objects
   */
  check(): void {
    const name = this.#by.find((one) => !this.#found.has(one) && !DERIVED_GROUPS.includes(one));
    const missing = this.#seen.noSuchField();
    if (name === undefined || missing === undefined) return;
    const nested = this.#nested.get(name);
    const reason =
      nested === undefined
        ? `${missing}. ${DERIVED_GROUPS.join(" and ")} need no field.`
        : `its values are ${Array.isArray(nested) ? "lists" : "objects"}. Name a field of one with a dot: ${JSON.stringify(`${name}.${Object.keys(nested)[0] ?? "name"}`)}.`;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", `Cannot break down by ${JSON.stringify(name)}: ${reason}`, {
      field: "by",
    });
  }
}

/** Texts, numbers, times, true and false; other values, and an empty text, are no groups. */
function valueText(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Date) return value.toJSON() ?? undefined;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  if (value.length <= MAX_VALUE) return value;
  const hash = createHash("sha256").update(value).digest("hex").slice(0, HASH_DIGITS);
  return `${value.slice(0, MAX_VALUE - HASH_DIGITS - 2).toWellFormed()}… ${hash}`;
}

/** The user's turns. */
function turnsOf(item: PromptCase["responses"][number]["item"] | undefined): number {
  return item !== undefined && "messages" in item ? item.messages.filter(({ role }) => role === "user").length : 1;
}

/** The band of "length", where it was asked for and the row has no such field. */
export function withLengthBand(scored: ScoredCase, by: readonly string[]): ScoredCase {
  if (!by.includes("length") || scored.groups?.["length"] !== undefined) return scored;
  const tokens = scored.tokenCounts.reduce((most, count) => Math.max(most, count), 0);
  const band = BANDS.findLastIndex((from) => tokens >= from);
  const [from, next] = [BANDS[band] as number, BANDS[band + 1]];
  const name = next === undefined ? `${from} tokens or more` : `${from} to ${next - 1} tokens`;
  return { ...scored, groups: { ...scored.groups, length: name } };
}

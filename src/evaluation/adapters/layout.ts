/** How a file of preferences is laid out: the columns that show it, and what turns its rows into cases. */
import { isNameOf } from "../../prompt/common-names.ts";
import { asJson, parsed } from "../../prompt/csv-cells.ts";
import { type Fields, isObject } from "../../prompt/input-fields.ts";
import { pythonValue } from "../../prompt/lost-type.ts";
import { isMessage } from "../../prompt/messages.ts";
import type { Adapted, Adapter, AdaptOptions } from "./adapter.ts";
import { dialogueTurns, parseDialogue } from "./dialogue.ts";
import type { LabelColumn } from "./label-values.ts";
import { asFlag, asNumber, isTie, type LabelNumbers } from "./labels.ts";

/** What a column holds. "label" is a number or a word for a tie, "transcript" ends with the assistant's turn, "open transcript" before it. */
export type Kind =
  | "any"
  | "text"
  | "number"
  | "label"
  | "flag"
  | "object"
  | "objects"
  | "message"
  | "messages"
  | "texts"
  | "numbers"
  | "transcript"
  | "open transcript";

/** What is said of a layout, without how it is read. */
export interface Description {
  /** The adapter's name, as `--adapter` takes it. */
  readonly name: string;
  /** What a file of it is called in reports. */
  readonly title: string;
  /** Columns that every file of it has, and what they hold. */
  readonly columns: Readonly<Record<string, Kind>>;
  /** Columns that none has. */
  readonly without?: readonly string[];
  /** What is compared, in a sentence. */
  readonly compared: string;
  /** What else a file of it shows; absent: nothing. */
  readonly recognises?: (facts: Facts) => boolean;
  /** Why a file of it cannot be read without a hint, as a sentence. */
  readonly problem?: (facts: Facts) => string | undefined;
  /** The column with its labels, in a file with these columns; absent: it has none, or grades and scores of any scale. */
  readonly label?: (names: readonly string[]) => LabelColumn | undefined;
  /** Layouts with fewer marks, which this one takes precedence over; those with a part of its columns need no mention. */
  readonly over?: readonly string[];
  /** Never found by columns, only taken by name. */
  readonly isByNameOnly?: true;
}

/** A layout whose rows each become a case. */
export interface RowLayout extends Description {
  readonly adapt: Adapter;
  readonly gather?: undefined;
  /** The same with other numbers as labels; its name is NAME:FIRST..SECOND, or NAME:FIRST,SECOND,TIE. */
  readonly byNumbers?: (numbers: LabelNumbers) => RowLayout;
}

/** A layout whose rows are parts of cases. */
interface GatheredLayout extends Description {
  readonly adapt?: undefined;
  readonly byNumbers?: undefined;
  readonly gather: () => Gatherer;
}

/** A layout of preference data, such as that of a public data set. */
export type Layout = RowLayout | GatheredLayout;

/** A row as it was read, for a case that is made of several. */
export interface GatheredRow {
  readonly row: number;
  readonly where: string;
  /** As in the file. */
  readonly value: unknown;
}

/** Collects rows and makes cases of them when all were read. */
export interface Gatherer {
  /** @throws InvalidInputError for an invalid row */
  add(fields: unknown, options: AdaptOptions, row: GatheredRow): void;
  /** What became of the rows, each case at the first of its rows. */
  cases(options: AdaptOptions): Iterable<GatheredRow & { readonly adapted: Adapted }>;
}

/** What the first rows of a file show. */
export interface Facts {
  /** Names of all columns. */
  readonly names: readonly string[];
  /** The values that are not null, by column. */
  readonly values: ReadonlyMap<string, readonly unknown[]>;
  /** What most of a column's values are. */
  is(name: string, kind: Kind): boolean;
}

/** @param isCsv values are texts, so that a list or an object is JSON in a text; in other files only messages are */
export function factsOf(rows: readonly Fields[], isCsv: boolean): Facts {
  const values = new Map<string, unknown[]>();
  for (const row of rows)
    for (const [name, value] of Object.entries(row)) {
      const list = values.get(name) ?? [];
      values.set(name, list);
      if (value !== null && value !== undefined) list.push(isCsv ? ofCell(value) : withMessages(value));
    }
  const known = new Map<string, boolean>();
  return {
    names: [...values.keys()],
    values,
    is(name, kind) {
      const all = values.get(name);
      if (all === undefined) return false;
      if (kind === "any") return true;
      const key = JSON.stringify([name, kind]);
      const found = known.get(key) ?? areMostly(all, kind);
      known.set(key, found);
      return found;
    },
  };
}

function areMostly(values: readonly unknown[], kind: Kind): boolean {
  // Most rows may be ties; the others show what the labels are.
  const list = kind === "label" ? values.filter((value) => !isTie(value)) : values;
  return list.length > 0 && 2 * list.filter((one) => isKind(one, kind)).length > list.length;
}

/** What a cell held before it was a text: Python's text of it is refused when it is read, by the layout that it shows. */
function ofCell(cell: unknown): unknown {
  return parsed(cell) ?? pythonValue(cell) ?? cell;
}

/** Messages that are JSON in a text, as they are read; another text of JSON may be what somebody wrote. */
function withMessages(value: unknown): unknown {
  const read = asJson(value);
  const list = Array.isArray(read) ? read : [read];
  return list.length > 0 && list.every(isMessage) ? read : value;
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "any":
      return true;
    case "text":
      return typeof value === "string";
    case "number":
    case "label":
      return asNumber(value) !== undefined;
    case "flag":
      return asFlag(value) !== undefined;
    case "object":
      return isObject(value);
    case "message":
      return isMessage(value);
    case "transcript":
      return typeof value === "string" && dialogueTurns(value)?.at(-1)?.role === "assistant";
    case "open transcript":
      return typeof value === "string" && isOpen(value);
    default:
      return Array.isArray(value) && value.length > 0 && value.every((one) => isElement(one, kind));
  }
}

function isOpen(text: string): boolean {
  return /Assistant:\s*$/.test(text) && parseDialogue(text)?.at(-1)?.role === "user";
}

function isElement(value: unknown, kind: "objects" | "messages" | "texts" | "numbers"): boolean {
  if (kind === "texts") return typeof value === "string" || value === null;
  if (kind === "numbers") return value === null || asNumber(value) !== undefined;
  return kind === "messages" ? isMessage(value) : isObject(value);
}

function fits(layout: Description, facts: Facts): boolean {
  if (layout.isByNameOnly || layout.without?.some((name) => facts.names.includes(name))) return false;
  const hasColumns = Object.entries(layout.columns).every(([name, kind]) => facts.is(name, kind));
  return hasColumns && (layout.recognises?.(facts) ?? true);
}

/** The layouts that the columns fit, without those that another of them is a special case of. */
export function layoutsThatFit(all: readonly Layout[], facts: Facts): readonly Layout[] {
  const fitting = all.filter((layout) => fits(layout, facts));
  const isBeaten = (one: Layout) => fitting.some((other) => other !== one && isSpecialCase(other, one));
  return fitting.filter((one) => !isBeaten(one));
}

function isSpecialCase(one: Description, of: Description): boolean {
  if (one.over?.includes(of.name)) return true;
  if (of.over?.includes(one.name)) return false;
  const [names, others] = [Object.keys(one.columns), Object.keys(of.columns)];
  return names.length > others.length && others.every((name) => names.includes(name));
}

/** Layouts in the order of how few of their columns are missing, with these; a prompt is in most of them. */
export function nearestLayouts(
  all: readonly Layout[],
  { names }: Facts,
): readonly { readonly layout: Layout; readonly missing: readonly string[] }[] {
  return all
    .map((layout) => {
      const columns = Object.keys(layout.columns);
      const missing = columns.filter((name) => !names.includes(name));
      const isNear = columns.some((name) => names.includes(name) && !isNameOf("prompt", name));
      return { layout, missing, found: isNear ? columns.length - missing.length : 0 };
    })
    .filter(({ found }) => found > 0)
    .sort((a, b) => a.missing.length - b.missing.length || b.found - a.found);
}

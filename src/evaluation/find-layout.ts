/** Finds the adapter of a file of preferences: by its name, or by the columns of the first rows. */
import type { FieldMapping } from "../prompt/field-map.ts";
import { type Fields, isObject } from "../prompt/input-fields.ts";
import { rowAdvice } from "../prompt/row-advice.ts";
import { damaged } from "../rows/damaged.ts";
import type { InputFormat } from "../rows/format.ts";
import { openRows } from "../rows/open-rows.ts";
import { adapterNamed } from "./adapter-named.ts";
import { type Facts, factsOf, type Layout, layoutsThatFit, nearestLayouts } from "./adapters/layout.ts";
import { layouts, pairsLayout } from "./adapters/layouts.ts";
import { unpairedAdvice } from "./adapters/published/unpaired.ts";
import { refuseLabels, refuseProblem } from "./check-labels.ts";
import { mappedFields, type RowMap, rowMap } from "./mapped-fields.ts";
import type { ResolvedSource } from "./sources.ts";

export interface FindLayoutOptions {
  /** The adapter's name; default: found. */
  readonly adapter?: string;
  readonly fields?: FieldMapping;
  readonly format?: InputFormat;
  /** A file that fits no layout may have rows without an order, which the layout "pairs" leaves to others. Default: false. */
  readonly single?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Rows that are looked at: as many as are read in a moment, enough to see which labels occur. */
const MAX_ROWS = 200;
const MAX_NEAREST = 3;
const MAX_NAMES = 20;

/**
 * @throws InvalidInputError ERR_INVALID_ARGUMENT for an unknown name, FileError for a file that fits no layout, or several, or has
 *   other labels than its layout
 */
export async function findLayout(source: ResolvedSource, options: FindLayoutOptions): Promise<Layout> {
  const { adapter, fields, format, signal } = options;
  const rows = rowMap(fields, format);
  const layout = adapter === undefined ? await layoutOf(source, rows, options) : adapterNamed(adapter);
  await refuseLabels(source, layout, { ...rows, signal, isFound: adapter === undefined });
  return layout;
}

async function layoutOf(
  source: ResolvedSource,
  rows: RowMap,
  { single, signal }: Pick<FindLayoutOptions, "single" | "signal">,
): Promise<Layout> {
  const facts = await readFacts(source, rows, signal);
  // Nothing to see: reading the rows says why.
  if (facts === undefined) return pairsLayout;
  const [only, ...others] = layoutsThatFit(layouts, facts);
  if (only === undefined && single === true) return pairsLayout;
  if (only === undefined) throw damaged(source.name, noneFits(facts));
  if (others.length > 0) throw damaged(source.name, severalFit(facts, [only, ...others]));
  refuseProblem(source, only, only.problem?.(facts));
  return only;
}

/**
 * What the first rows show, and what later ones do of columns that are empty at the beginning, where these decide the layout
 * or are its labels.
 */
async function readFacts(
  { name, path }: ResolvedSource,
  { map, format }: RowMap,
  signal: AbortSignal | undefined,
): Promise<Facts | undefined> {
  const file = await openRows(path, { name, format });
  const found: Fields[] = [];
  let isTable = false;
  /** Columns that were empty in the first rows. */
  let empty: ReadonlySet<string> | undefined;
  /** The last row to look at; undefined until an empty column has a value. */
  let last: number | undefined = MAX_ROWS;
  try {
    for await (const row of file.rows) {
      signal?.throwIfAborted();
      isTable ||= row.isCsv === true;
      const value = "value" in row ? row.value : undefined;
      const read = isObject(value) ? mappedFields(value, map) : undefined;
      const seen = read === undefined || empty === undefined ? read : ofColumns(read, empty);
      if (seen !== undefined) {
        found.push(seen);
        last ??= row.row + MAX_ROWS;
      }
      if (last === undefined || row.row < last) continue;
      const facts = factsOf(found, isTable);
      empty = emptyColumns(facts);
      if (isDecided(facts, empty)) break;
      last = undefined;
    }
  } finally {
    await file.close();
  }
  return found.length === 0 ? undefined : factsOf(found, isTable);
}

function emptyColumns({ names, values }: Facts): ReadonlySet<string> {
  return new Set(names.filter((name) => values.get(name)?.length === 0));
}

/** The row's values in these columns; undefined if it has none. */
function ofColumns(row: Fields, names: ReadonlySet<string>): Fields | undefined {
  const members = Object.entries(row).filter(([name, value]) => names.has(name) && value !== null);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** Whether no value of the empty columns could change what the layout is, or whether its labels can be read. */
function isDecided(facts: Facts, empty: ReadonlySet<string>): boolean {
  if (empty.size === 0) return true;
  const [only, ...others] = layoutsThatFit(layouts, facts);
  if (only === undefined || others.length > 0) return false;
  const open: Facts = { ...facts, is: (name, kind) => empty.has(name) || facts.is(name, kind) };
  const [same, ...more] = layoutsThatFit(layouts, open);
  const label = only.label?.(facts.names);
  return same === only && more.length === 0 && (label === undefined || !empty.has(label.name));
}

function noneFits(facts: Facts): string {
  if (facts.names.length === 0) return "fits no adapter: its rows have no columns";
  const columns = `fits no adapter: its columns are ${columnsOf(facts)}`;
  const unpaired = unpairedAdvice(facts);
  if (unpaired !== undefined) return `${columns}; ${unpaired}`;
  // A layout that has a problem with these columns knows them.
  const known = layouts.flatMap(({ name, problem }) => {
    const reason = problem?.(facts);
    return reason === undefined ? [] : [`${name} (${reason.replace(/\.$/, "")})`];
  });
  if (known.length > 0) return `${columns}; the nearest adapter${known.length > 1 ? "s" : ""}: ${known.join(", ")}`;
  const nearest = nearestLayouts(layouts, facts)
    .slice(0, MAX_NEAREST)
    .map(
      ({ layout, missing }) =>
        `${layout.name} (${missing.length === 0 ? "other values in them" : `without ${quoted(missing)}`})`,
    );
  const near = nearest.length === 0 ? "" : `; the nearest adapters: ${nearest.join(", ")}`;
  const about = rowAdvice(Object.fromEntries([...facts.values].map(([name, values]) => [name, values[0]])));
  // Fields of single items are no preference.
  const advice = about?.includes("--field") ? undefined : about;
  return (
    `${columns}${near}. --adapter NAME chooses one ("starling-rm eval pairs --adapter list" lists them), ` +
    `--field chosen=COLUMN names a column${advice === undefined ? "" : `. ${advice.replace(/\.$/, "")}`}`
  );
}

function severalFit(facts: Facts, fitting: readonly Layout[]): string {
  const names = fitting.map(({ name }) => `--adapter ${name}`).join(" or ");
  return `fits ${fitting.length} adapters: its columns are ${columnsOf(facts)}. Choose one with ${names}`;
}

function columnsOf({ names }: Facts): string {
  return `${quoted(names.slice(0, MAX_NAMES))}${names.length > MAX_NAMES ? " and others" : ""}`;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

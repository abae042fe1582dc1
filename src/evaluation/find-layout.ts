/** Finds the adapter of a file of preferences: by its name, or by the columns of the first rows. */
import { InvalidInputError, isStarlingError } from "../errors.ts";
import { given, nearestValue } from "../options.ts";
import { FieldMap, type FieldMapping } from "../prompt/field-map.ts";
import { type Fields, isObject } from "../prompt/input-fields.ts";
import { rowAdvice } from "../prompt/row-advice.ts";
import { CASE_FIELDS } from "../rows/columns.ts";
import { damaged } from "../rows/damaged.ts";
import type { InputFormat } from "../rows/format.ts";
import { openRows } from "../rows/open-rows.ts";
import { type Facts, factsOf, type Layout, layoutsThatFit, nearestLayouts } from "./adapters/layout.ts";
import { layoutNamed, layouts, pairsLayout } from "./adapters/layouts.ts";
import type { ResolvedSource } from "./sources.ts";

export interface FindLayoutOptions {
  /** The adapter's name; default: found. */
  readonly adapter?: string;
  readonly fields?: FieldMapping;
  readonly format?: InputFormat;
  /** A file that fits no layout may have rows without an order, which the layout "pairs" leaves to others. Default: false. */
  readonly single?: boolean;
}

/** Rows that are looked at: as many as are read in a moment, enough to see which labels occur. */
const MAX_ROWS = 200;
const MAX_NEAREST = 3;
const MAX_NAMES = 20;

/** @throws InvalidInputError ERR_INVALID_ARGUMENT for an unknown name, FileError for a file that fits no layout, or several */
export async function findLayout(source: ResolvedSource, options: FindLayoutOptions): Promise<Layout> {
  if (options.adapter !== undefined) return adapterNamed(options.adapter);
  const facts = await readFacts(source, options);
  // Nothing to see: reading the rows says why.
  if (facts === undefined) return pairsLayout;
  const [only, ...others] = layoutsThatFit(layouts, facts);
  if (only === undefined && options.single === true) return pairsLayout;
  if (only === undefined) throw damaged(source.name, noneFits(facts));
  if (others.length > 0) throw damaged(source.name, severalFit(facts, [only, ...others]));
  const problem = only.problem?.(facts);
  if (problem !== undefined)
    throw damaged(source.name, `cannot be read as ${only.title} (${only.name}): ${problem.replace(/\.$/, "")}`);
  return only;
}

/** @throws InvalidInputError ERR_INVALID_ARGUMENT */
export function adapterNamed(name: string): Layout {
  const layout = layoutNamed(name);
  if (layout !== undefined) return layout;
  const names = layouts.map((one) => one.name);
  const near = nearestValue(name, names);
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `Expected the name of an adapter but received ${JSON.stringify(name)}.${near === undefined ? "" : ` Did you mean ${JSON.stringify(near)}?`} ` +
      `There are ${names.join(", ")}, two-responses:FIRST..SECOND for labels on a scale, and two-responses:FIRST,SECOND,TIE for codes.`,
    { field: "adapter" },
  );
}

async function readFacts(
  { name, path }: ResolvedSource,
  { fields, format }: FindLayoutOptions,
): Promise<Facts | undefined> {
  const map = fields === undefined ? undefined : new FieldMap(fields, CASE_FIELDS, { aliases: false });
  const file = await openRows(path, { name, ...given({ format }) });
  const found: Fields[] = [];
  let isTable = false;
  try {
    for await (const row of file.rows) {
      isTable ||= row.isCsv === true;
      const value = "value" in row ? row.value : undefined;
      const read = isObject(value) ? mapped(value, map) : undefined;
      if (read !== undefined) found.push(read);
      if (row.row >= MAX_ROWS) break;
    }
  } finally {
    await file.close();
  }
  return found.length === 0 ? undefined : factsOf(found, isTable);
}

/** Undefined for a row without a named field: it is reported when it is read. */
function mapped(row: Fields, map: FieldMap | undefined): Fields | undefined {
  try {
    return map === undefined ? row : map.read(row).fields;
  } catch (error) {
    if (isStarlingError(error)) return undefined;
    throw error;
  }
}

function noneFits(facts: Facts): string {
  if (facts.names.length === 0) return "fits no adapter: its rows have no columns";
  // A layout that has a problem with these columns knows them.
  const known = layouts.flatMap(({ name, problem }) => {
    const reason = problem?.(facts);
    return reason === undefined ? [] : [`${name} (${reason.replace(/\.$/, "")})`];
  });
  const others = nearestLayouts(layouts, facts).map(
    ({ layout, missing }) =>
      `${layout.name} (${missing.length === 0 ? "other values in them" : `without ${quoted(missing)}`})`,
  );
  const nearest = known.length > 0 ? known : others.slice(0, MAX_NEAREST);
  const near = nearest.length === 0 ? "" : `; the nearest adapters: ${nearest.join(", ")}`;
  const about = rowAdvice(Object.fromEntries([...facts.values].map(([name, values]) => [name, values[0]])));
  // Fields of single items are no preference.
  const advice = about?.includes("--field") ? undefined : about;
  return (
    `fits no adapter: its columns are ${columnsOf(facts)}${near}. --adapter NAME chooses one ("starling-rm eval pairs --adapter list" ` +
    `lists them), --field chosen=COLUMN names a column${advice === undefined ? "" : `. ${advice.replace(/\.$/, "")}`}`
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

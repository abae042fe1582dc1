/** Looks at all labels of a file before anything is scored: a part of them would be measured under a wrong reading. */
import { asJson } from "../prompt/csv-cells.ts";
import { isObject } from "../prompt/input-fields.ts";
import { damaged } from "../rows/damaged.ts";
import { openRows } from "../rows/open-rows.ts";
import { type LabelColumn, LabelValues } from "./adapters/label-values.ts";
import type { Description } from "./adapters/layout.ts";
import { mappedFields, type RowMap } from "./mapped-fields.ts";
import type { ResolvedSource } from "./sources.ts";

/** What reads the files: a layout, or a benchmark. */
type Reader = Pick<Description, "name" | "title" | "label">;

/**
 * @param isFound the layout was found from the columns
 * @throws FileError for a file whose labels cannot be those of the layout; the signal's reason
 */
export async function refuseLabels(
  source: ResolvedSource,
  layout: Reader,
  options: RowMap & { readonly isFound: boolean; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (layout.label !== undefined) refuseProblem(source, layout, await labelsProblem(source, layout.label, options));
}

/** @param problem why the layout cannot read the file, as sentences; undefined: it can */
export function refuseProblem(source: ResolvedSource, { name, title }: Reader, problem: string | undefined): void {
  if (problem !== undefined)
    throw damaged(source.name, `cannot be read as ${title} (${name}): ${problem.replace(/\.$/, "")}`);
}

async function labelsProblem(
  { name, path }: ResolvedSource,
  labelOf: NonNullable<Reader["label"]>,
  { map, format, signal, isFound }: Parameters<typeof refuseLabels>[2],
): Promise<string | undefined> {
  const file = await openRows(path, { name, format });
  const values = new LabelValues();
  let column: LabelColumn | undefined;
  try {
    for await (const row of file.rows) {
      signal?.throwIfAborted();
      const fields = "value" in row && isObject(row.value) ? mappedFields(row.value, map) : undefined;
      if (fields === undefined) continue;
      column ??= labelOf(Object.keys(fields));
      // The rows of a table all have the same columns.
      if (column === undefined && row.isTable) break;
      if (column === undefined) continue;
      const value = fields[column.name];
      values.add(row.isCsv ? asJson(value) : value, row.where, column.isKnown);
    }
  } finally {
    await file.close();
  }
  return column?.problem(values, isFound);
}

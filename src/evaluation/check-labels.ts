/** Looks at all labels of a file before anything is scored: a part of them would be measured under a wrong reading. */
import { asJson } from "../prompt/csv-cells.ts";
import { isObject } from "../prompt/input-fields.ts";
import { openRows } from "../rows/open-rows.ts";
import { type LabelColumn, LabelValues } from "./adapters/labels.ts";
import type { Layout } from "./adapters/layout.ts";
import { mappedFields, type RowMap } from "./mapped-fields.ts";
import type { ResolvedSource } from "./sources.ts";

/**
 * @param isFound the layout was found from the columns
 * @returns why the layout cannot read the file, as a sentence
 * @throws the signal's reason
 */
export async function labelsProblem(
  { name, path }: ResolvedSource,
  layout: Layout,
  { map, format, signal, isFound }: RowMap & { readonly isFound: boolean; readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  if (layout.label === undefined) return undefined;
  const file = await openRows(path, { name, format });
  const values = new LabelValues();
  let column: LabelColumn | undefined;
  try {
    for await (const row of file.rows) {
      signal?.throwIfAborted();
      const fields = "value" in row && isObject(row.value) ? mappedFields(row.value, map) : undefined;
      if (fields === undefined) continue;
      column ??= layout.label(Object.keys(fields));
      if (column === undefined) continue;
      const value = fields[column.name];
      values.add(row.isCsv ? asJson(value) : value, row.where, column.isKnown);
    }
  } finally {
    await file.close();
  }
  return column?.problem(values, isFound);
}

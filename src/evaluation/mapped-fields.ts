/** Rows under the names that `--field` gives their fields. */
import { isStarlingError } from "../errors.ts";
import { FieldMap, type FieldMapping } from "../prompt/field-map.ts";
import type { Fields } from "../prompt/input-fields.ts";
import { CASE_FIELDS } from "../rows/columns.ts";
import type { InputFormat } from "../rows/format.ts";

/** How the rows of a file are read. */
export interface RowMap {
  /** Undefined: the rows have their own names. */
  readonly map: FieldMap | undefined;
  readonly format: InputFormat | undefined;
}

export function rowMap(fields: FieldMapping | undefined, format: InputFormat | undefined): RowMap {
  const map = fields === undefined ? undefined : new FieldMap(fields, CASE_FIELDS, { aliases: false });
  return { map, format };
}

/** Undefined for a row without a named field: it is reported when it is read. */
export function mappedFields(row: Fields, map: FieldMap | undefined): Fields | undefined {
  try {
    return map === undefined ? row : map.read(row).fields;
  } catch (error) {
    if (isStarlingError(error)) return undefined;
    throw error;
  }
}

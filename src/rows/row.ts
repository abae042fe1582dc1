import type { StarlingError } from "../errors.ts";

/** One row of a file. A row that cannot be read is an error in its place, and does not stop the others. */
export type Row = {
  /** From 1, broken rows counted. */
  readonly row: number;
  /** Where an editor finds it: "line 12", "element 3 (line 9)", or "row 12" of a parquet file. */
  readonly where: string;
  /** The row is of a CSV file: its values are texts, whatever they were before, and null for an empty cell. */
  readonly isCsv?: true;
} & (
  | {
      /** The row: as JSON has it; of CSV and parquet an object by column. */
      readonly value: unknown;
    }
  | {
      /** Why this row cannot be read. */
      readonly error: StarlingError;
    }
);

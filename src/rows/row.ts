import type { StarlingError } from "../errors.ts";

/** One row of a file. A row that cannot be read is an error in its place, and does not stop the others. */
export type Row = {
  /** From 1, broken rows counted. */
  readonly row: number;
  /** Where an editor finds it: "line 12", "element 3 (line 9)", or "row 12" of a parquet file. */
  readonly where: string;
  /** Decompressed bytes of the file up to the end of the row; of parquet, characters of the texts so far. */
  readonly endOffset: number;
  /** The row is of a CSV file: its values are texts, whatever they were before, and null for an empty cell. */
  readonly isCsv?: true;
  /** The row is of a table: every row has the same columns. */
  readonly isTable?: true;
} & (
  | {
      /** The row: as JSON has it; of CSV and parquet an object by column. */
      readonly value: unknown;
      /** As it is written, in standard JSON (NaN is null): long numbers have all their digits. Only of JSON. */
      readonly json?: string;
    }
  | {
      /** Why this row cannot be read. */
      readonly error: StarlingError;
    }
);

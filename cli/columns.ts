/** The columns of a table of records: results first, then the rows' own fields as they appear. */

import type { OutputForm, OutputOptions } from "./output-options.ts";
import { freeName, LIST_FIELD, type OutputRecord } from "./records.ts";
import type { Row } from "./row.ts";
import { isSelecting, type SelectionOptions } from "./selection.ts";

export interface RecordColumns {
  /** A row that was read: its fields will come. */
  expect(row: Row): void;
  /** A record that will be written. */
  look(record: OutputRecord): void;
  names(): readonly string[];
}

interface ColumnsTask {
  readonly form: OutputForm;
  readonly order: "input" | "rank";
  readonly options: OutputOptions & SelectionOptions & { readonly perToken?: true };
}

/** Results in the order of their columns. */
const RESULTS = [
  ...["index", "responseIndex", "rank", "score", "tokenCount", "truncated", "tokenRewards"],
  ...["errorCode", "errorMessage", "error", "scores", "ranks", "ranking", "response"],
];

export function tableColumns({ form, order, options }: ColumnsTask): RecordColumns {
  const { fields, best, perToken } = options;
  if (fields !== undefined) return { expect() {}, look() {}, names: () => fields };
  const own = new Set<string>();
  const results = new Set<string>();
  if (form.isFlat) {
    for (const name of ["index", "score", "tokenCount", "truncated"]) results.add(name);
    if (perToken) results.add("tokenRewards");
    if (!isSelecting(options)) for (const name of ["errorCode", "errorMessage"]) results.add(name);
  }
  const expectMany = () => {
    for (const name of ["responseIndex", "response"]) results.add(name);
    if (best !== true) results.add("rank");
  };
  if (order === "rank" && form.isFlat) expectMany();
  return {
    expect({ many, own: fieldsOfRow, listField = LIST_FIELD }) {
      if (many) expectMany();
      for (const name of fieldsOfRow.keys()) if (!(many && name === listField)) own.add(name);
    },
    look(record) {
      const isOneOfMany = record.has("responseIndex");
      for (const name of record.keys()) {
        const isResult = RESULTS.includes(name) && (isOneOfMany || name !== "response");
        (isResult ? results : own).add(name);
      }
    },
    names() {
      const ours = RESULTS.filter((name) => results.has(name));
      const names = Array.from(own, (name) => freeName(name, own, results));
      return [...new Set([...ours, ...names])];
    },
  };
}

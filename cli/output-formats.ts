/** Records as text: JSON lines, JSON, CSV, TSV (tables: table.ts). Every method returns whole lines. */
import { csvCell } from "./library.ts";
import type { OutputRecord } from "./records.ts";

export interface RecordFormat {
  /** Text before the first record. */
  begin(): string;
  record(record: OutputRecord): string;
  /** Text after the last record, also after an interruption: it closes the JSON. */
  end(): string;
}

/** Escapes characters that JSON allows but terminals obey (C1 controls) or break lines at; the value is the same. */
export function safeJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** One object on one line. */
export function recordJson(record: OutputRecord): string {
  return safeJson(`{${Array.from(record, ([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`);
}

export function jsonLines(): RecordFormat {
  return { begin: () => "", record: (record) => `${recordJson(record)}\n`, end: () => "" };
}

/** One array, one record per line. @param before records that an earlier run wrote */
export function jsonArray(before = 0): RecordFormat {
  let count = before;
  return {
    begin: () => "[",
    record: (record) => `${count++ === 0 ? "\n" : ",\n"}${recordJson(record)}`,
    end: () => (count === 0 ? "]\n" : "\n]\n"),
  };
}

/**
 * RFC 4180 quoting, lines ended by "\n". Texts are written as they are, also those that a spreadsheet would take for a formula;
 * lists and objects as JSON; null is an empty cell.
 *
 * @param columns called for the first line
 * @param onLost called with names that have no column
 */
export function csv(
  delimiter: "," | "\t",
  columns: () => readonly string[],
  onLost: (names: readonly string[]) => void = () => {},
): RecordFormat {
  let names: ReadonlySet<string> | undefined;
  const line = (cells: readonly string[]) => {
    const text = cells.map((cell) => csvCell(cell, delimiter)).join(delimiter);
    // A line without characters would be no record.
    return `${text === "" ? '""' : text}\n`;
  };
  const header = () => {
    names ??= new Set(columns());
    return names;
  };
  return {
    begin: () => line([...header()]),
    record(record) {
      const known = header();
      const lost = [...record.keys()].filter((name) => !known.has(name));
      if (lost.length > 0) onLost(lost);
      return line(Array.from(known, (name) => cellText(record.get(name))));
    },
    end: () => "",
  };
}

function cellText(json: string | undefined): string {
  if (json === undefined || json === "null") return "";
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

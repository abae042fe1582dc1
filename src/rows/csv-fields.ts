/** The fields of CSV and TSV records, by csv-parse. */
import { CsvError, type Options, parse } from "csv-parse/sync";

/**
 * Parses records without their line ends. A quote inside an unquoted field is an ordinary character.
 *
 * @returns for each record its fields, or what is wrong with it: half a sentence
 */
export function parseRecords(records: readonly string[], delimiter: string): readonly (string[] | string)[] {
  const options: Options = { delimiter, record_delimiter: "\n", relax_column_count: true };
  try {
    // One call for all: csv-parse takes longer to prepare than to parse a short record.
    const parsed = parse(records.join("\n"), options) as unknown as string[][];
    if (parsed.length === records.length) return parsed;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
  }
  return records.map((record) => parseRecord(record, options));
}

function parseRecord(record: string, options: Options): string[] | string {
  try {
    return (parse(record, options) as unknown as string[][])[0] ?? [""];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Not relaxed from the start: that would also accept text after a closing quote.
    if (error.code === UNQUOTED && options.relax_quotes !== true)
      return parseRecord(record, { ...options, relax_quotes: true });
    return describe(error);
  }
}

const UNQUOTED = "INVALID_OPENING_QUOTE";

function describe(error: CsvError): string {
  const field = `field ${Number(error["column"]) + 1}`;
  if (error.code === "CSV_INVALID_CLOSING_QUOTE") return `there is text after the closing quote of ${field}`;
  if (error.code === "CSV_QUOTE_NOT_CLOSED") return `the closing quote of ${field} is missing`;
  return error.message;
}

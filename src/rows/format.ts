/** The format of a text file of rows: by its name, then by its first lines, because names are often wrong. */
import { quote } from "../files/byte-source.ts";
import { HEADER_NAMES } from "./columns.ts";
import { damaged } from "./damaged.ts";
import { isBlank } from "./json-splitter.ts";

/** Formats that can be named. "jsonl" and "json" are read the same way: the layout is found out. */
export const inputFormats = ["jsonl", "json", "csv", "tsv", "parquet"] as const;
export type InputFormat = (typeof inputFormats)[number];

export type Delimiter = "," | "\t" | ";" | "|";

export type TextFormat = { readonly kind: "json" } | { readonly kind: "csv"; readonly delimiter: Delimiter };

/** How messages call the separators. */
export const DELIMITER_NAMES: Readonly<Record<Delimiter, string>> = {
  ",": "commas",
  "\t": "tabs",
  ";": "semicolons",
  "|": "vertical bars",
};
const DELIMITERS = Object.keys(DELIMITER_NAMES) as Delimiter[];

/** Looked at before the format is decided; a longer first line is decided by what is there. */
export const MAX_SNIFFED_BYTES = 64 * 1024;
const MAX_SNIFFED_RECORDS = 20;
const MAX_COLUMN_NAME = 200;

const [NEWLINE, OPEN_BRACKET, OPEN_BRACE] = [0x0a, 0x5b, 0x7b];

/** Describes the files beside it, in data sets on the hub: the columns of each, and no rows. */
const DESCRIPTION = /(?:^|[\\/])dataset_infos\.json$/i;

/** Whether a name is one of a file of rows, compressed or not. */
export function isDataFile(name: string): boolean {
  return (
    !DESCRIPTION.test(name) && /\.(?:parquet|jsonl|json|ndjson|csv|tsv)(?:\.(?:gz|gzip|zst|zstd|xz))?$/i.test(name)
  );
}

/** What the end of a name says. */
export function formatOfName(name: string): InputFormat | undefined {
  const [, ending = ""] = /\.([a-z0-9]+)$/i.exec(name) ?? [];
  const format = ending.toLowerCase() === "ndjson" ? "jsonl" : ending.toLowerCase();
  return inputFormats.find((known) => known === format);
}

/**
 * Decides how text is read.
 *
 * @param head the first bytes, without a byte order mark
 * @param ended whether there are no more
 * @param named what the file's name says
 * @returns undefined: more bytes are needed
 * @throws FileError for text that is no rows at all
 */
export async function detectText(
  head: Uint8Array,
  ended: boolean,
  named: InputFormat | undefined,
  name: string,
): Promise<TextFormat | undefined> {
  let start = 0;
  while (start < head.length && isBlank(head[start] as number)) start += 1;
  const isAll = ended || head.length >= MAX_SNIFFED_BYTES;
  if (start === head.length) return isAll ? fallback(named) : undefined;
  const isTable = named === "csv" || named === "tsv";
  const first = head[start] as number;
  const opens = first === OPEN_BRACE || first === OPEN_BRACKET;
  // A tab may be the first, nameless column.
  while (isTable && start > 0 && head[start - 1] !== NEWLINE) start -= 1;
  if (opens && !isTable) return { kind: "json" };
  const lines = linesOf(head.subarray(start), isAll);
  const [line] = lines;
  if (line === undefined) return undefined;
  if (isTable) {
    if (opens && (isJson(line) || line.trim().length === 1)) return { kind: "json" };
    if (lines.length < 2 && !isAll) return undefined;
    return {
      kind: "csv",
      delimiter: separatorLine(line) ?? (await findDelimiter(lines, named))?.delimiter ?? ownDelimiter(named),
    };
  }
  if (lines.some((one) => /^[[{]/.test(one.trimStart())) || isJson(line)) return { kind: "json" };
  const separator = separatorLine(line);
  if (separator !== undefined) return { kind: "csv", delimiter: separator };
  const found = await findDelimiter(lines, undefined);
  if (found?.isCertain) return { kind: "csv", delimiter: found.delimiter };
  if (!isAll && lines.length < MAX_SNIFFED_RECORDS) return undefined;
  if (found !== undefined) return { kind: "csv", delimiter: found.delimiter };
  throw damaged(
    name,
    `is not JSON lines, JSON, CSV, TSV or parquet: its first line is ${quote(line.trim())} ` +
      "(--input-format csv reads a table of one column, --responses-file a file of plain lines)",
  );
}

function fallback(named: InputFormat | undefined): TextFormat {
  const isTable = named === "csv" || named === "tsv";
  return isTable ? { kind: "csv", delimiter: ownDelimiter(named) } : { kind: "json" };
}

function ownDelimiter(named: InputFormat | undefined): Delimiter {
  return named === "tsv" ? "\t" : ",";
}

/** Whole lines that are not blank, the last one too where nothing follows. Invalid UTF-8 does not matter here. */
function linesOf(head: Uint8Array, isAll: boolean): string[] {
  const lines: string[] = [];
  for (let at = 0; at < head.length && lines.length < MAX_SNIFFED_RECORDS; ) {
    const newline = head.indexOf(NEWLINE, at);
    if (newline < 0 && !isAll) break;
    const line = Buffer.from(head.subarray(at, newline < 0 ? head.length : newline)).toString("utf8");
    if (line.trim() !== "") lines.push(line.replace(/\r$/, ""));
    if (newline < 0) break;
    at = newline + 1;
  }
  return lines;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** "sep=;", the line with which Excel names its separator. */
export function separatorLine(line: string): Delimiter | undefined {
  const [, separator] = /^"?sep=([,;\t|])"?\s*$/i.exec(line) ?? [];
  return separator as Delimiter | undefined;
}

interface Found {
  readonly delimiter: Delimiter;
  /** The first line has a known name, so that the next lines need not be seen. */
  readonly isCertain: boolean;
}

/** The separator that makes columns of the lines; undefined if none does. */
async function findDelimiter(lines: readonly string[], named: InputFormat | undefined): Promise<Found | undefined> {
  // Loaded when it is needed: most runs do without.
  const { parseRecords } = await import("./csv-fields.ts");
  const fieldsOf = (line: string, delimiter: Delimiter) => {
    try {
      return parseRecords([Buffer.from(line)], delimiter)[0];
    } catch {
      // Not a record, but for example the first line of a field of several lines.
      return undefined;
    }
  };
  const own = ownDelimiter(named);
  const candidates = DELIMITERS.flatMap((delimiter) => {
    const names = fieldsOf(lines[0] as string, delimiter);
    if (names === undefined || names.length < 2) return [];
    if (named === undefined && !names.every(isColumnName)) return [];
    const known = names.filter((column) => HEADER_NAMES.has(column.trim().toLowerCase())).length;
    const records = lines.slice(1).map((line) => fieldsOf(line, delimiter));
    // A quoted field may go on in the next line.
    const same = records.filter((fields) => fields?.length === names.length).length;
    const other = records.filter((fields) => fields !== undefined && fields.length !== names.length).length;
    if (named === undefined && known === 0 && (same === 0 || other > 0)) return [];
    return [{ delimiter, known, fit: same - other, isCertain: known > 0, isOwn: delimiter === own }];
  });
  return candidates.sort((a, b) => b.known - a.known || b.fit - a.fit || Number(b.isOwn) - Number(a.isOwn))[0];
}

function isColumnName(name: string): boolean {
  return name.length <= MAX_COLUMN_NAME;
}

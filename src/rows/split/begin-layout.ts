/** Finds out how the rows of a text follow each other. */
import type { TextFormat } from "../format.ts";
import { InputHead } from "../input-head.ts";
import { detectLayout } from "../json-rows.ts";
import { isBlank, LineSplitter, type Piece, ValueSplitter } from "../json-splitter.ts";
import { parseJson } from "../json-value.ts";
import type { TextLayout } from "./text-layout.ts";

const NONE = new Uint8Array();
const [OPEN_BRACE, CLOSE_BRACE] = [0x7b, 0x7d];

/**
 * Reads as much as tells the layout.
 *
 * @param read the next chunk, undefined at the end
 * @throws FileError for what is no text, and for a table without a usable header
 */
export async function beginLayout(
  read: () => Promise<Uint8Array | undefined>,
  { name, found, extension }: { name: string; found: TextFormat; extension: TextLayout["extension"] },
): Promise<TextLayout> {
  const delimiter = found.kind === "csv" ? found.delimiter : undefined;
  const head = new InputHead(name, delimiter === undefined ? undefined : delimiter === "\t" ? "TSV" : "CSV");
  for (let lookedAt = 0; ; ) {
    const chunk = await read();
    const ended = chunk === undefined;
    if (chunk !== undefined) {
      head.add(chunk);
      // Looking at all of a long first line with every chunk would take the square of its length.
      if (!head.hasBegun || (lookedAt > 0 && head.size < 2 * lookedAt)) continue;
      lookedAt = head.size;
    }
    if (delimiter !== undefined) {
      const { beginTable } = await import("./table-layout.ts");
      const table = beginTable(head, { name, delimiter, extension }, ended);
      if (table !== undefined) return table;
      continue;
    }
    const layout = detectLayout(head.bytes(), ended);
    if (layout === undefined && !ended) continue;
    return jsonLayout(layout ?? "lines", head);
  }
}

function jsonLayout(layout: "lines" | "array" | "sequence", head: InputHead): TextLayout {
  const bytes = head.bytes();
  const splitter = layout === "lines" ? new LineSplitter(head.start) : new ValueSplitter(layout, head.start);
  const pieces = splitter.push(bytes);
  const isArray = layout === "array";
  const openings = { lines: beginsLine, sequence: beginsSequence, array: isElement };
  return {
    splitter,
    pieces,
    extension: layout === "lines" ? ".jsonl" : ".json",
    start: 0,
    opening: (_, isFirst) => (isArray && !isFirst ? Buffer.from("[") : NONE),
    closing: isArray ? Buffer.from("\n]\n") : NONE,
    separator: isArray ? 1 : 0,
    isRow: (piece) => piece.ofArray === undefined,
    canOpen: openings[layout],
    // Without anything before its comma, the last element would be no element.
    canClose: ({ bytes }) => !isArray || bytes === undefined || !bytes.every(isBlank),
    fieldOf: jsonField,
  };
}

/** Anything else could be taken for another layout or format, if it came first. */
function beginsLine({ bytes }: Piece): boolean {
  return bytes?.[0] === OPEN_BRACE && bytes.findLast((byte) => !isBlank(byte)) === CLOSE_BRACE;
}

function beginsSequence({ bytes }: Piece): boolean {
  return bytes !== undefined && detectLayout(bytes, true) === "sequence";
}

function isElement({ bytes, ofArray }: Piece): boolean {
  return bytes !== undefined && ofArray === undefined;
}

function jsonField({ bytes }: Piece, name: string): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { value } = parseJson(Buffer.from(bytes).toString("utf8"));
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    return JSON.stringify((value as Readonly<Record<string, unknown>>)[name]);
  } catch {
    return undefined;
  }
}

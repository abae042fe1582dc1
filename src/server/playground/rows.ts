/** A file that was dropped on the page: read by the reader of the command line. */
import { byteSize } from "../../byte-units.ts";
import { isStarlingError, type StarlingErrorJson } from "../../errors.ts";
import { type ItemRow, ItemSource } from "../../inputs/item-source.ts";
import type { FieldMapping } from "../../prompt/field-map.ts";
import type { CheckedItem } from "../../prompt/items.ts";
import { spool } from "../../rows/spool.ts";
import { RequestError } from "../request-error.ts";

/** One line of the answer. */
export type UploadedLine =
  /** What can be scored of a row. `many`: these are the responses to one prompt. */
  | { readonly row: number; readonly where: string; readonly items: readonly CheckedItem[]; readonly many: boolean }
  /** A row that cannot be scored. */
  | { readonly row: number; readonly where: string; readonly error: StarlingErrorJson }
  /** What is worth knowing about the file. */
  | { readonly notice: string }
  /** The file cannot be read further. */
  | { readonly error: StarlingErrorJson };

export interface UploadRules {
  /** Names of the fields, where they are not the usual ones. */
  readonly mapping: FieldMapping;
  readonly ignoreFields?: readonly string[];
  readonly maxBytes: number;
  /** The page shows no more; further rows are left unread. */
  readonly maxItems: number;
  readonly signal: AbortSignal;
}

export function tooLarge(name: string, maxBytes: number): RequestError {
  const message = `${name} is larger than ${byteSize(maxBytes)}, the most that this page takes: use starling-rm rank for it.`;
  return new RequestError(413, "ERR_BODY_TOO_LARGE", message);
}

/**
 * The rows of an upload, in order. The upload is copied to a temporary file first, because parquet is read by position.
 *
 * @throws RequestError 413, FileError for a full disk, InvalidInputError for a mapping that names unknown fields
 */
export async function* uploadedRows(
  body: AsyncIterable<Uint8Array>,
  name: string,
  { mapping, ignoreFields, maxBytes, maxItems, signal }: UploadRules,
): AsyncGenerator<UploadedLine> {
  const copy = await spool(limited(body, name, maxBytes), name);
  const notices: string[] = [];
  const told = function* (): Generator<UploadedLine> {
    for (const notice of notices.splice(0)) yield { notice };
  };
  try {
    const options = { many: true, ignoreFields, signal, onNotice: (notice: string) => void notices.push(notice) };
    const source = await ItemSource.ofFile({ name, path: copy.path }, mapping, options);
    let items = 0;
    try {
      for await (const row of source.rows()) {
        yield* told();
        const line = lineOf(row);
        items += "items" in line ? line.items.length : 1;
        if (items > maxItems) {
          yield {
            notice: `Only the first rows are shown, ${maxItems.toLocaleString("en")} texts. Use starling-rm rank for all of them.`,
          };
          return;
        }
        yield line;
      }
      yield* told();
    } catch (error) {
      if (!isStarlingError(error)) throw error;
      yield* told();
      yield { error: error.toJSON() };
    } finally {
      await source.close();
    }
  } finally {
    await copy.remove();
  }
}

function lineOf(row: ItemRow): UploadedLine {
  const place = { row: row.row, where: row.where };
  return "error" in row ? { ...place, error: row.error.toJSON() } : { ...place, items: row.items, many: row.many };
}

async function* limited(body: AsyncIterable<Uint8Array>, name: string, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(name, maxBytes);
    yield chunk;
  }
}

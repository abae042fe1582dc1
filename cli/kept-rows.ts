/** Rows that wait until all are known: the lines they are kept as, and the output that is made of these. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { type RecordFormat, recordJson } from "./output-formats.ts";
import type { Publish } from "./output-types.ts";
import { rawMembers } from "./raw-members.ts";
import type { OutputRecord } from "./records.ts";
import { TopRows } from "./top-rows.ts";

/** Written at once. */
const CHUNK_CHARACTERS = 64 * 1024;
const KEY_CHARACTERS = 16;

/** A record as a line: the row's score, the key of its prompt, and the record. */
export function keptLine(record: OutputRecord, score: number | undefined, key: string): string {
  return `${score ?? ""}\t${key}\t${recordJson(record)}\n`;
}

function parseLine(line: string): { score: number; key: string; json: string } {
  const first = line.indexOf("\t");
  const second = line.indexOf("\t", first + 1);
  const score = first === 0 ? Number.NaN : Number(line.slice(0, first));
  return { score, key: line.slice(first + 1, second), json: line.slice(second + 1) };
}

/** What an item answers: rows with the same are of one prompt. "" for a text, which has no prompt. */
export function promptKey(item: unknown): string {
  const { prompt, messages } = (item ?? {}) as { prompt?: unknown; messages?: unknown[] };
  const asked = messages === undefined ? prompt : messages.slice(0, -1);
  if (asked === undefined) return "";
  return createHash("sha256").update(JSON.stringify(asked)).digest("hex").slice(0, KEY_CHARACTERS);
}

export interface PublishOptions {
  /** Of each prompt; undefined: all. */
  readonly top: number | undefined;
  /** Called with every record that will be written, before the first is. */
  readonly look?: ((record: OutputRecord) => void) | undefined;
  /** Called after that. */
  readonly format: () => RecordFormat;
  readonly compression: "gzip" | undefined;
}

/** Reads the lines twice: memory holds none of them. */
export function publisher({ top, look, format, compression }: PublishOptions): Publish {
  return (lines) => {
    const text = Readable.from(written(lines, { top, look, format }), { objectMode: false });
    return compression === "gzip" ? text.pipe(createGzip()) : text;
  };
}

async function* written(
  lines: () => AsyncIterable<string>,
  { top, look, format }: Pick<PublishOptions, "top" | "look" | "format">,
): AsyncGenerator<string> {
  let chosen: Uint8Array | undefined;
  if (top !== undefined) {
    const rows = new TopRows(top);
    for await (const line of lines()) {
      const { key, score } = parseLine(line);
      rows.add(key, score);
    }
    chosen = rows.chosen();
  }
  if (look !== undefined) for await (const json of wanted(lines, chosen)) look(rawMembers(json));
  const writer = format();
  let text = writer.begin();
  for await (const json of wanted(lines, chosen)) {
    text += writer.record(rawMembers(json));
    if (text.length < CHUNK_CHARACTERS) continue;
    yield text;
    text = "";
  }
  text += writer.end();
  if (text !== "") yield text;
}

async function* wanted(lines: () => AsyncIterable<string>, chosen: Uint8Array | undefined): AsyncGenerator<string> {
  let row = 0;
  for await (const line of lines()) if (chosen === undefined || chosen[row++] === 1) yield parseLine(line).json;
}

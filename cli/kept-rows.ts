/** Rows that wait until all are known: the lines they are kept as, and the output that is made of these. */
import { createHash } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { loadWriters } from "./library.ts";
import { type RecordFormat, recordJson } from "./output-formats.ts";
import type { Compression } from "./output-options.ts";
import type { Publish } from "./output-types.ts";
import { rawMembers } from "./raw-members.ts";
import type { OutputRecord } from "./records.ts";
import { meritOf, type RowResult } from "./score-rows.ts";
import { TopRows } from "./top-rows.ts";

/** Written at once. */
const CHUNK_CHARACTERS = 64 * 1024;
const KEY_CHARACTERS = 16;

/** A record as a line: how good the row is, higher for better, the key of its prompt, and the record. */
function keptLine(record: OutputRecord, score: number | undefined, key: string): string {
  return `${score ?? ""}\t${key}\t${recordJson(record)}\n`;
}

/** A record of a row, of which `top` for each prompt are wanted. Several responses were chosen from already; a failure has no score. */
export function keptRow(record: OutputRecord, result: RowResult, top: number | undefined): string {
  if (top === undefined || result.row.many || "error" in result) return keptLine(record, undefined, "");
  const [scored] = result.scored;
  return keptLine(record, scored === undefined ? undefined : meritOf(scored), promptKey(result.row.items[0]));
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
  /** Called when the first line can be read; makes the output of the records. */
  readonly writer: () => Promise<KeptWriter>;
  readonly compression: Compression | undefined;
  /** Called with the number of records that are not written. */
  readonly onLeftOut?: (count: number) => void;
}

/** Makes an output of all records. */
export interface KeptWriter {
  /** Called with every record that will be written, before the first is. */
  look?(record: OutputRecord): void;
  bytes(records: AsyncIterable<OutputRecord>): AsyncIterable<Uint8Array | string>;
}

/** Reads the lines two or three times: memory holds none of them. */
export function publisher({ top, writer, compression, onLeftOut }: PublishOptions): Publish {
  return async function* (lines) {
    const chosen = top === undefined ? undefined : await topRows(lines, top);
    onLeftOut?.(chosen?.reduce((count, isChosen) => count + 1 - isChosen, 0) ?? 0);
    const output = await writer();
    if (output.look !== undefined) for await (const record of wanted(lines, chosen)) output.look(record);
    yield* compressed(bytesOf(output.bytes(wanted(lines, chosen))), compression);
  };
}

/** Records as lines of text. */
export function textWriter(format: () => RecordFormat, look?: (record: OutputRecord) => void): KeptWriter {
  return {
    ...(look === undefined ? {} : { look }),
    async *bytes(records) {
      const { begin, record, end } = format();
      let text = begin();
      for await (const each of records) {
        text += record(each);
        if (text.length < CHUNK_CHARACTERS) continue;
        yield text;
        text = "";
      }
      text += end();
      if (text !== "") yield text;
    },
  };
}

async function topRows(lines: () => AsyncIterable<string>, top: number): Promise<Uint8Array> {
  const rows = new TopRows(top);
  for await (const line of lines()) {
    const { key, score } = parseLine(line);
    rows.add(key, score);
  }
  return rows.chosen();
}

async function* wanted(
  lines: () => AsyncIterable<string>,
  chosen: Uint8Array | undefined,
): AsyncGenerator<OutputRecord> {
  let row = 0;
  for await (const line of lines())
    if (chosen === undefined || chosen[row++] === 1) yield rawMembers(parseLine(line).json);
}

async function* bytesOf(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

async function* compressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression | undefined,
): AsyncGenerator<Uint8Array> {
  if (compression === undefined) yield* chunks;
  else if (compression === "zstd") {
    const { zstdChunks } = await loadWriters();
    yield* zstdChunks(chunks);
  } else {
    const gzip = createGzip();
    pipeline(Readable.from(chunks, { objectMode: true }), gzip, () => {});
    yield* gzip;
  }
}

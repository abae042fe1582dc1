/** Cuts one file of rows into parts whose rows, one part after another, are the rows of the file. */

import { FileError } from "../../errors.ts";
import { openFile, renamed } from "../../files/byte-source.ts";
import { OutputFolder } from "../../files/output-folder.ts";
import { type Content, findTextFormat, openContent } from "../content.ts";
import type { InputFormat } from "../format.ts";
import { isDataFile } from "../format.ts";
import { readFooter } from "../parquet/footer.ts";
import type { RowInput } from "../read-rows.ts";
import { spool } from "../spool.ts";
import { RowGroups } from "./copy-row-groups.ts";
import { cutParquetRows } from "./cut-parquet-rows.ts";
import { COUNT_ONLY, type CutSize, cutRule, type Totals } from "./cut-rule.ts";
import { cutText, NO_TARGET, type TextInput } from "./cut-text.ts";
import { MAX_PARTS, PART_ENDINGS, type PartCompression, PartWriter, type WrittenPart } from "./part-writer.ts";
import { wholeGroups } from "./plan-row-groups.ts";
import type { TextLayout } from "./text-layout.ts";

export interface SplitOptions {
  /** A folder for the parts; made if it does not exist. */
  readonly output: string;
  readonly size: CutSize;
  /** Whether parts of an earlier run may be replaced. */
  readonly overwrite?: boolean;
  /** The input's format, where it is known; default: recognised. */
  readonly format?: InputFormat | undefined;
  /** A field: rows with the same value, one after another, stay in one part. */
  readonly together?: string | undefined;
  /** What wrote parquet files. */
  readonly createdBy: string;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Called with the part of the work that is done, from 0 to 1, where it is known. */
  readonly onFraction?: ((fraction: number) => void) | undefined;
}

/** A part that was written. */
export interface Part extends WrittenPart {
  /** Its name in the folder. */
  readonly name: string;
}

export interface SplitResult {
  readonly rows: number;
  readonly parts: readonly Part[];
  /** How a parquet file was cut: whole row groups were copied, or rows decoded and written again. */
  readonly parquet?: "copied" | "rewritten";
}

/** A name of a part: they sort in the order of the rows. */
const PART_NAME = /^part-\d{5}-of-\d{5}\.(?:jsonl|json|csv|tsv|parquet)(?:\.(?:gz|zst))?$/;
const DIGITS = 5;

/**
 * @param input of a regular file, or of a stream if the parts are not counted beforehand
 * @throws FileError, InvalidInputError; the signal's reason. The folder is then as it was.
 */
export async function splitRows(input: RowInput, options: SplitOptions): Promise<SplitResult> {
  const { output, overwrite = false, signal } = options;
  const isOurs = (name: string) => PART_NAME.test(name);
  const folder = await OutputFolder.claim(output, { overwrite, isOurs, isForeign: isDataFile, signal });
  const writer = (compression?: PartCompression) => new PartWriter(folder, compression, () => tooMany(output));
  try {
    const done = await splitContent(input, options, writer);
    const { parts, ending, parquet } = done;
    const count = String(parts.length).padStart(DIGITS, "0");
    const names = parts.map((_, i) => `part-${String(i + 1).padStart(DIGITS, "0")}-of-${count}${ending}`);
    signal?.throwIfAborted();
    await input.source?.assertUnchanged?.();
    await folder.publish(names);
    return {
      rows: parts.reduce((sum, { rows }) => sum + rows, 0),
      parts: parts.map((part, i) => ({ name: names[i] as string, ...part })),
      ...(parquet === undefined ? {} : { parquet }),
    };
  } finally {
    await folder.release();
  }
}

interface Written {
  readonly parts: readonly WrittenPart[];
  readonly ending: string;
  readonly parquet?: "copied" | "rewritten";
}

type MakeWriter = (compression?: PartCompression) => PartWriter;

async function splitContent(input: RowInput, options: SplitOptions, makeWriter: MakeWriter): Promise<Written> {
  const content = await openContent(input, options.format);
  try {
    if (content.isParquet) return await splitParquet(input, content, options, makeWriter);
    const first = await findTextFormat(content.chunks, input.name, content.named);
    const extension = tableExtension(content.named, first.found);
    const text = {
      name: input.name,
      found: first.found,
      extension,
      together: options.together,
      signal: options.signal,
    };
    const { size } = options;
    if (!("parts" in size)) return await writeText(text, first.all, input, content, options, makeWriter);
    // The first pass finds where even parts begin.
    const totals = await cutText({ ...text, chunks: first.all }, COUNT_ONLY, NO_TARGET);
    await content.close();
    const again = await openContent(input, options.format);
    try {
      const second = await findTextFormat(again.chunks, input.name, again.named);
      return await writeText(text, second.all, input, again, options, makeWriter, totals);
    } finally {
      await again.close();
    }
  } finally {
    await content.close();
  }
}

async function writeText(
  text: Omit<TextInput, "chunks">,
  chunks: AsyncIterable<Uint8Array>,
  { size = 0 }: RowInput,
  { compression }: Content,
  options: SplitOptions,
  makeWriter: MakeWriter,
  totals?: Totals,
): Promise<Written> {
  const { onNotice, onFraction } = options;
  const written = compression === "xz" ? "zstd" : compression;
  if (compression === "xz") onNotice?.(`${text.name} is compressed with xz, which is not written: its parts have zstd`);
  const end = totals?.end ?? (compression === undefined ? size : 0);
  const onPosition = (bytes: number) => (end > 0 ? onFraction?.(Math.min(1, bytes / end)) : undefined);
  const writer = makeWriter(written);
  try {
    const { extension } = await cutText({ ...text, chunks, onPosition }, cutRule(options.size, totals), writer);
    return { parts: writer.parts, ending: extension + (written === undefined ? "" : PART_ENDINGS[written]) };
  } finally {
    await writer.close();
  }
}

function tableExtension(named: InputFormat | undefined, found: TextInput["found"]): TextLayout["extension"] {
  if (named === "csv" || named === "tsv") return `.${named}`;
  return found.kind === "csv" && found.delimiter === "\t" ? ".tsv" : ".csv";
}

/** Parquet begins at its end: what is a stream, or compressed once more, is written to a temporary file first. */
async function splitParquet(
  input: RowInput,
  { chunks, source }: Content,
  options: SplitOptions,
  makeWriter: MakeWriter,
): Promise<Written> {
  const writer = makeWriter();
  const copy = source === undefined ? await spool(chunks, input.name) : undefined;
  try {
    const opened = copy === undefined ? undefined : await openFile(copy.path);
    const file = source ?? renamed(opened as NonNullable<typeof opened>, { path: input.name, identity: "" });
    try {
      const footer = await readFooter(file);
      const firsts = options.together === undefined ? wholeGroups(footer, options.size) : undefined;
      if (firsts === undefined) await cutParquetRows(file, options, writer);
      else {
        const groups = await RowGroups.open(file);
        for (const [i, first] of firsts.entries()) {
          await groups.copy(first, firsts[i + 1] ?? footer.groups.length, writer, options.signal);
          options.onFraction?.((i + 1) / firsts.length);
        }
      }
      return { parts: writer.parts, ending: ".parquet", parquet: firsts === undefined ? "rewritten" : "copied" };
    } finally {
      await opened?.close();
    }
  } finally {
    await writer.close();
    await copy?.remove();
  }
}

function tooMany(output: string): FileError {
  return new FileError(
    "ERR_FILE_NOT_WRITABLE",
    `The folder ${output} would have more than ${MAX_PARTS} parts: ask for larger ones.`,
    { file: output },
  );
}

/** The name of a partition's output: that of its input, as far as it tells the truth. */
import { lastEnding } from "../name-ending.ts";
import { type FormatName, WRITTEN_COMPRESSIONS, WRITTEN_FORMATS } from "../output-options.ts";

const READ_COMPRESSIONS = [...WRITTEN_COMPRESSIONS, "xz"];

/**
 * The format of the name is that of the output; another one that was asked for takes its place in the name. Nothing writes xz, so
 * ".xz" becomes ".gz"; parquet has compression of its own.
 *
 * @param partition name of the input, with "/" between folders
 * @param format that was asked for, by --format
 */
export function outputName(partition: string, format: FormatName | undefined): string {
  const last = lastEnding(partition);
  const isCompressed = READ_COMPRESSIONS.includes(last.kind);
  const inner = isCompressed ? lastEnding(last.rest) : last;
  const compression = !isCompressed ? "" : last.kind === "xz" ? ".gz" : last.ending;
  const isKnown = (WRITTEN_FORMATS as readonly string[]).includes(inner.kind);
  if (!isKnown) return inner.rest + inner.ending + compression;
  const kind = format ?? inner.kind;
  const ending = kind === inner.kind ? inner.ending : `.${kind}`;
  return inner.rest + ending + (kind === "parquet" ? "" : compression);
}

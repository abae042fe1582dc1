/** What the name of an output promises. A name of a format that we do not write is refused: nothing could read the file. */
import { UsageError } from "./errors.ts";
import { lastEnding } from "./name-ending.ts";
import { isRegularFile } from "./output.ts";

/** Compressed files and archives. */
const PACKED = new Set(
  "gz zst xz bz2 bz lz4 lz lzma lzo br sz snappy z zip 7z rar tar tgz txz tbz tbz2 tzst".split(" "),
);
/** Tables, records and documents. */
const DATA = new Set(
  (
    "jsonl json csv tsv parquet tab psv pq parq xls xlsx xlsm xlsb ods numbers arrow arrows feather ipc avro orc " +
    "h5 hdf hdf5 npy npz pkl pickle rds rda dta sav mat msgpack bson tfrecord lance sqlite sqlite3 db duckdb sql " +
    "yaml yml toml xml html htm md markdown tex pdf doc docx rtf"
  ).split(" "),
);
const MODELS = new Set("gguf safetensors onnx pt pth ckpt".split(" "));

/** What a command writes under the names that say so. */
export interface WrittenFormats {
  /** The option that takes the name: "--output". */
  readonly option: string;
  readonly command: string;
  /** Endings without the dot. */
  readonly formats: readonly string[];
  /** Endings that may follow a format's. */
  readonly compressions?: readonly string[];
  /** The format is chosen by --format, whatever the name. */
  readonly isFormatGiven?: boolean;
  /** What other names get, as a sentence. */
  readonly otherwise: string;
}

/** @throws UsageError where a regular file would have the name of a format or a compression that is not written */
export async function checkOutputName(name: string | undefined, written: WrittenFormats): Promise<void> {
  if (name === undefined || !(await isRegularFile(name))) return;
  const ending = unwrittenEnding(name, written);
  if (ending === undefined) return;
  const { option, command, formats, compressions = [], otherwise } = written;
  const compressed = compressions.length === 0 ? "" : ` (text also with ${listed(compressions)})`;
  throw new UsageError(
    `${option} ${name}: ${command} does not write ${ending} files. Expected ${listed(formats)}${compressed}. ${otherwise}`,
  );
}

function unwrittenEnding(
  name: string,
  { formats, compressions = [], isFormatGiven }: WrittenFormats,
): string | undefined {
  const { rest, ending, kind } = lastEnding(name);
  const isCompressed = compressions.includes(kind);
  const inner = isCompressed ? lastEnding(rest) : { ending, kind };
  if (PACKED.has(inner.kind)) return isCompressed ? inner.ending + ending : ending;
  if (isFormatGiven || formats.includes(inner.kind)) return undefined;
  return DATA.has(inner.kind) || MODELS.has(inner.kind) ? inner.ending : undefined;
}

/**
 * @param written what the command writes into the folder, as a clause: "eval writes report.html"
 * @throws UsageError for an empty name, and for a file of results
 */
export async function checkFolderName(name: string | undefined, written: string): Promise<void> {
  if (name === undefined) return;
  if (name === "") throw new UsageError("--output is empty; expected a folder name");
  if (namesDataFile(name) && (await isRegularFile(name)))
    throw new UsageError(
      `--output ${name}: expected the name of a folder, in which ${written}, but received a name of a file (--json prints the report)`,
    );
}

/** Whether a name is that of a file of results rather than of a folder. */
function namesDataFile(name: string): boolean {
  const { kind } = lastEnding(name);
  return PACKED.has(kind) || DATA.has(kind);
}

/** ".csv, .tsv or .parquet". */
function listed(endings: readonly string[]): string {
  const all = endings.map((ending) => `.${ending}`);
  const last = all.pop() ?? "";
  return all.length === 0 ? last : `${all.join(", ")} or ${last}`;
}

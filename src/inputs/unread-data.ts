/** Files of rows in formats that are not read: beside others that are, leaving them out would lose rows. */
import { basename, dirname, join } from "node:path";
import { uncompressedName } from "../rows/compression.ts";
import { isDataFile } from "../rows/format.ts";
import { exportOf, isArrowFile } from "./saved-datasets.ts";

const COMPRESSED = /\.(?:bz2|zip|7z|lz4|br|snappy|z)$/i;
const TABLE = /\.(?:avro|orc|xlsx?)$/i;

/** By its name. A compression that is not read counts only behind the name of a data file: an archive may hold anything. */
export function isUnreadData(name: string): boolean {
  const isCompressed = COMPRESSED.test(name) && isDataFile(name.replace(COMPRESSED, ""));
  return isArrowFile(name) || TABLE.test(name) || isCompressed;
}

/**
 * Why a folder's data files are not all of its data, as a sentence that follows its name; undefined: nothing is left out. A file that
 * is there in another format, too, is not missed.
 */
export function unreadProblem(data: readonly string[], unread: readonly string[]): string | undefined {
  const read = new Set(data.map(withoutFormat));
  const missed = unread.filter((path) => !read.has(withoutFormat(path))).sort();
  const [first, ...others] = missed;
  const [one] = data;
  if (first === undefined || one === undefined) return undefined;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return (
    `has data that is not read beside its data files: ${first}${more}. ${adviceFor(first)}, or give the files that are meant ` +
    `(--input ${join(dirname(one), basename(one).replace(/^[^.]*/, "*"))})`
  );
}

function withoutFormat(path: string): string {
  return uncompressedName(path.replace(COMPRESSED, "")).replace(/\.\w+$/, "");
}

function adviceFor(path: string): string {
  if (isArrowFile(path)) return `Export it in Python, ${exportOf(path)}`;
  if (/\.bz2$/i.test(path)) return "Unpack it with bunzip2";
  if (COMPRESSED.test(path)) return "Write it unpacked, or as .gz, .zst or .xz";
  return /xlsx?$/i.test(path) ? "Save it as CSV" : "Write it as parquet or JSON lines";
}

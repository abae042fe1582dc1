/**
 * The table of contents of a zip archive whose files are stored without compression, as torch.save writes them. yauzl
 * parses it; the checks here make sure that no other reader sees other files in it.
 */
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { StarlingError } from "../errors.ts";
import { type ByteSource, quote, readExactly } from "../files/byte-source.ts";
import { refuse } from "./refuse.ts";

/** Where a file's bytes are in the archive. */
export interface StoredFile {
  /** Bytes from the start of the archive. */
  readonly position: number;
  /** Bytes. */
  readonly size: number;
}

/** Bounds far above what checkpoints have: one entry for each tensor. */
export const MAX_ZIP_ENTRIES = 100_000;
export const MAX_ZIP_DIRECTORY_BYTES = 64 * 1024 * 1024;

/** Sizes of the format's records, without names and comments. */
const ENTRY_BYTES = 46;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const LOCATOR_SIGNATURE = 0x07064b50;

/** A file together with the header before it. */
interface LocatedFile extends StoredFile {
  readonly header: number;
}

/**
 * @returns the files by name; each is inside the archive, and none overlaps another
 * @throws FileError ERR_INVALID_CHECKPOINT
 */
export async function readZipDirectory(file: ByteSource): Promise<Map<string, StoredFile>> {
  const archive = await openArchive(file);
  try {
    const directory = await findDirectory(file, archive.comment.length);
    const entries = await readEntries(file, archive, directory.size);
    const files = new Map<string, LocatedFile>();
    for (const [name, entry] of entries) files.set(name, await locate(file, archive, name, entry));
    checkLayout(file, files, directory.position);
    return files;
  } catch (error) {
    if (error instanceof StarlingError) throw error;
    const reason = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
    throw refuse(file.path, `is truncated or damaged: ${reason}.`);
  }
}

async function openArchive(file: ByteSource): Promise<ZipFile> {
  try {
    return await fromRandomAccessReaderPromise(new SourceReader(file), file.size, {
      autoClose: false,
      decodeStrings: false,
      // Checked here, for a clear message.
      validateEntrySizes: false,
    });
  } catch (error) {
    if (error instanceof StarlingError) throw error;
    // Not yauzl's reason: it guesses at comments and archives of several disks, which torch.save never writes.
    throw refuse(
      file.path,
      "is truncated, has extra bytes at its end, or is not a torch.save file: its zip directory is not at its end.",
      {
        cause: error,
      },
    );
  }
}

/** Where the end record says that the directory is: yauzl reads as many entries as there should be, wherever they end. */
async function findDirectory(file: ByteSource, commentBytes: number): Promise<{ position: number; size: number }> {
  const start = file.size - END_BYTES - commentBytes;
  const end = await readExactly(file, start, END_BYTES);
  const narrow = [end.readUInt16LE(10), end.readUInt32LE(12), end.readUInt32LE(16)] as const;
  const [, size, position] = (await read64BitEnd(file, start, narrow)) ?? narrow;
  if (size > MAX_ZIP_DIRECTORY_BYTES)
    throw refuse(file.path, `has a directory of ${size} bytes; the limit is ${MAX_ZIP_DIRECTORY_BYTES}.`);
  if (position + size > start) throw refuse(file.path, "is damaged: its directory overlaps the end of the archive.");
  return { position, size };
}

/** The number of entries, the directory's size and its position: in the end record as 16, 32 and 32 bits. */
type DirectoryEnd = readonly [entries: number, size: number, position: number];
/** Each marks a value that is only in the 64-bit record. */
const IN_64_BIT_RECORD: DirectoryEnd = [0xffff, 0xffffffff, 0xffffffff];

/** Undefined without such a record. Some readers prefer it, others the end record: both must see the same directory. */
async function read64BitEnd(file: ByteSource, end: number, narrow: DirectoryEnd): Promise<DirectoryEnd | undefined> {
  const locator = await readExactly(file, Math.max(0, end - LOCATOR_BYTES), LOCATOR_BYTES);
  if (end < LOCATOR_BYTES || locator.readUInt32LE(0) !== LOCATOR_SIGNATURE) {
    if (narrow.some((value, i) => value === IN_64_BIT_RECORD[i]))
      throw refuse(file.path, "is damaged: the 64-bit record of its zip directory is missing.");
    return undefined;
  }
  const record = await readExactly(file, Number(locator.readBigUInt64LE(8)), END64_BYTES);
  const wide = [32, 40, 48].map((offset) => Number(record.readBigUInt64LE(offset))) as [number, number, number];
  if (narrow.some((value, i) => value !== IN_64_BIT_RECORD[i] && value !== wide[i]))
    throw refuse(file.path, "is damaged: the two records at the end of its zip archive contradict each other.");
  return wide;
}

async function readEntries(file: ByteSource, archive: ZipFile, directoryBytes: number): Promise<Map<string, Entry>> {
  const { entryCount } = archive;
  if (entryCount > MAX_ZIP_ENTRIES)
    throw refuse(file.path, `contains ${entryCount} files; the limit is ${MAX_ZIP_ENTRIES}.`);
  const entries = new Map<string, Entry>();
  let bytes = 0;
  for await (const entry of archive.eachEntry()) {
    const name = entry.fileNameRaw.toString("utf8");
    bytes += ENTRY_BYTES + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    if (bytes > directoryBytes) break;
    if (entries.has(name)) throw refuse(file.path, `contains two files named ${quote(name)}.`);
    if (entry.isEncrypted()) throw refuse(file.path, `contains the encrypted file ${quote(name)}.`);
    if (entry.compressionMethod !== 0)
      throw refuse(file.path, `contains the compressed file ${quote(name)}; torch.save stores without compression.`);
    if (entry.compressedSize !== entry.uncompressedSize)
      throw refuse(file.path, `is damaged: the stored file ${quote(name)} has two sizes.`);
    entries.set(name, entry);
  }
  if (bytes !== directoryBytes)
    throw refuse(file.path, "is damaged: its directory has more or fewer files than its end says.");
  return entries;
}

async function locate(file: ByteSource, archive: ZipFile, name: string, entry: Entry): Promise<LocatedFile> {
  const header = entry.relativeOffsetOfLocalHeader;
  const local = await archive.readLocalFileHeaderPromise(entry);
  // Some readers go by the directory, others by these headers: both must see the same files.
  if (!local.fileName.equals(entry.fileNameRaw))
    throw refuse(file.path, `gives the file ${quote(name)} another name in its local header.`);
  return { position: local.fileDataStart, size: entry.compressedSize, header };
}

/** Overlapping files, or a header inside a file, would be misread. */
function checkLayout(file: ByteSource, files: ReadonlyMap<string, LocatedFile>, directoryStart: number): void {
  let end = 0;
  for (const [name, { header, position, size }] of [...files].sort(([, a], [, b]) => a.header - b.header)) {
    if (header < end) throw refuse(file.path, `places the file ${quote(name)} over the one before it.`);
    end = position + size;
    if (end > directoryStart)
      throw refuse(
        file.path,
        `is truncated or damaged: ${quote(name)} ends at byte ${end}, beyond the archive's files.`,
      );
  }
}

/** Reads for yauzl. */
class SourceReader extends RandomAccessReader {
  readonly #file: ByteSource;

  constructor(file: ByteSource) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const { size } = this.#file;
    const reading =
      position + length > size
        ? Promise.reject(new Error(`it ends at byte ${size}, before byte ${position + length}`))
        : this.#file.read(position, buffer.subarray(offset, offset + length));
    reading.then(() => callback(null, length), callback);
  }
}

/** The table of contents of a zip archive whose files are stored without compression, as torch.save writes them. */
import { type ByteSource, quote, readExactly } from "../files/byte-source.ts";
import { refuse } from "./refuse.ts";

/** Where a file's bytes lie in the archive. */
export interface StoredFile {
  /** Bytes from the start of the archive. */
  readonly position: number;
  /** Bytes. */
  readonly size: number;
}

/** Bounds far above what checkpoints have: one entry for each tensor. */
export const MAX_ZIP_ENTRIES = 100_000;
export const MAX_ZIP_DIRECTORY_BYTES = 64 * 1024 * 1024;

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_EXTRA = 1;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;
const ENCRYPTED = 1;

/** A file together with the header before it. */
interface LocatedFile extends StoredFile {
  readonly header: number;
}

interface Directory {
  readonly position: number;
  readonly size: number;
  readonly entries: number;
}

/**
 * @returns the files by name; each is inside the archive, and none overlaps another
 * @throws FileError ERR_INVALID_CHECKPOINT
 */
export async function readZipDirectory(file: ByteSource): Promise<Map<string, StoredFile>> {
  const directory = await findDirectory(file);
  const bytes = await readExactly(file, directory.position, directory.size);
  const files = new Map<string, LocatedFile>();
  let at = 0;
  for (let i = 0; i < directory.entries; i++) {
    if (at + ENTRY_BYTES > bytes.length || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw broken(file, "its directory");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const end = at + ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
    if (end > bytes.length) throw broken(file, "its directory");
    const name = bytes.toString("utf8", at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    const extra = bytes.subarray(at + ENTRY_BYTES + nameBytes, at + ENTRY_BYTES + nameBytes + extraBytes);
    if (files.has(name)) throw refuse(file.path, `contains two files named ${quote(name)}.`);
    files.set(name, await locate(file, name, bytes.subarray(at, at + ENTRY_BYTES), extra, directory.position));
    at = end;
  }
  if (at !== bytes.length) throw refuse(file.path, "contains more files than the end of its directory says.");
  checkOverlaps(file, files);
  return files;
}

async function findDirectory(file: ByteSource): Promise<Directory> {
  const tailBytes = Math.min(file.size, END_BYTES + MAX_COMMENT_BYTES + LOCATOR_BYTES);
  const tail = await readExactly(file, file.size - tailBytes, tailBytes);
  let at = tail.length - END_BYTES;
  while (
    at >= 0 &&
    !(tail.readUInt32LE(at) === END_SIGNATURE && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length)
  )
    at -= 1;
  if (at < 0) throw refuse(file.path, "is truncated, or not a torch.save file: the end of a zip archive is missing.");
  let directory: Directory = {
    entries: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    position: tail.readUInt32LE(at + 16),
  };
  if (directory.entries === U16_MAX || directory.size === U32_MAX || directory.position === U32_MAX)
    directory = await findDirectory64(file, tail, at);
  const { entries, size, position } = directory;
  if (entries > MAX_ZIP_ENTRIES) throw refuse(file.path, `contains ${entries} files; the limit is ${MAX_ZIP_ENTRIES}.`);
  if (size > MAX_ZIP_DIRECTORY_BYTES)
    throw refuse(file.path, `has a directory of ${size} bytes; the limit is ${MAX_ZIP_DIRECTORY_BYTES}.`);
  // The end of the file is read as the end of the directory, so it cannot be part of the directory.
  if (position + size > file.size - tail.length + at) throw broken(file, "its directory");
  return directory;
}

async function findDirectory64(file: ByteSource, tail: Buffer, end: number): Promise<Directory> {
  const locator = end - LOCATOR_BYTES;
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR_SIGNATURE) throw broken(file, "its 64-bit directory");
  const position = exact(file, tail.readBigUInt64LE(locator + 8));
  if (position + END64_BYTES > file.size) throw broken(file, "its 64-bit directory");
  const record = await readExactly(file, position, END64_BYTES);
  if (record.readUInt32LE(0) !== END64_SIGNATURE) throw broken(file, "its 64-bit directory");
  return {
    entries: exact(file, record.readBigUInt64LE(32)),
    size: exact(file, record.readBigUInt64LE(40)),
    position: exact(file, record.readBigUInt64LE(48)),
  };
}

async function locate(
  file: ByteSource,
  name: string,
  entry: Buffer,
  extra: Buffer,
  directoryPosition: number,
): Promise<LocatedFile> {
  if ((entry.readUInt16LE(8) & ENCRYPTED) !== 0) throw refuse(file.path, `contains the encrypted file ${quote(name)}.`);
  if (entry.readUInt16LE(10) !== 0)
    throw refuse(file.path, `contains the compressed file ${quote(name)}; torch.save stores without compression.`);
  const wide = zip64Fields(extra);
  const field = (offset: number): number => {
    const value = entry.readUInt32LE(offset);
    if (value !== U32_MAX) return value;
    const next = wide.shift();
    if (next === undefined) throw broken(file, `the entry ${quote(name)}`);
    return exact(file, next);
  };
  // In this order the wide values stand in the extra field.
  const size = field(24);
  const stored = field(20);
  const header = field(42);
  if (size !== stored) throw broken(file, `the entry ${quote(name)}`);
  const nameBytes = entry.readUInt16LE(28);
  if (header + LOCAL_BYTES + nameBytes > directoryPosition) throw broken(file, `the entry ${quote(name)}`);
  const local = await readExactly(file, header, LOCAL_BYTES + nameBytes);
  if (local.readUInt32LE(0) !== LOCAL_SIGNATURE) throw broken(file, `the entry ${quote(name)}`);
  // Some readers go by the directory, some by the headers before the files: they must not see different files.
  if (local.readUInt16LE(26) !== nameBytes || local.toString("utf8", LOCAL_BYTES) !== name)
    throw refuse(file.path, `gives the file ${quote(name)} another name in its local header.`);
  const position = header + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
  if (position + size > directoryPosition)
    throw refuse(
      file.path,
      `is truncated or damaged: ${quote(name)} ends at byte ${position + size}, beyond the archive's files.`,
    );
  return { position, size, header };
}

function zip64Fields(extra: Buffer): bigint[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const size = extra.readUInt16LE(at + 2);
    const end = Math.min(extra.length, at + 4 + size);
    if (extra.readUInt16LE(at) === ZIP64_EXTRA) {
      const values: bigint[] = [];
      for (let field = at + 4; field + 8 <= end; field += 8) values.push(extra.readBigUInt64LE(field));
      return values;
    }
    at += 4 + size;
  }
  return [];
}

/** Two files over each other, or a header inside a file, would be read as what neither of them is. */
function checkOverlaps(file: ByteSource, files: ReadonlyMap<string, LocatedFile>): void {
  let end = 0;
  for (const [name, { header, position, size }] of [...files].sort(([, a], [, b]) => a.header - b.header)) {
    if (header < end) throw refuse(file.path, `places the file ${quote(name)} over the one before it.`);
    end = position + size;
  }
}

function exact(file: ByteSource, value: bigint): number {
  if (value > BigInt(file.size)) throw broken(file, "a position");
  return Number(value);
}

function broken(file: ByteSource, what: string): Error {
  return refuse(file.path, `is truncated or damaged: ${what} does not fit the file.`);
}

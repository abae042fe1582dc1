/** Which system and processor a shared library is made for, and whether its file is whole, from its first bytes. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { isPointer } from "../files/lfs-pointer.ts";
import { listIfReadable } from "../files/optional-files.ts";
import type { Libc } from "./platforms.ts";

export interface LibraryKind {
  readonly os: "linux" | "darwin" | "win32";
  /** Names as in process.arch; several in a universal library of macOS, none that we know in an empty list. */
  readonly archs: readonly string[];
}

/** Every header below is in the first bytes; those of Windows start at an offset, in practice below 1 KiB. */
const HEADER_BYTES = 4096;
/** A universal library has a handful of parts; Java's class files begin with the same four bytes and larger numbers. */
const MAX_PARTS = 16;
/** What every kind but Windows' begins with. */
const MAGIC_BYTES = 4;
/** Its magic, whether it is of 64 bits, and its byte order. */
const ELF_IDENTITY_BYTES = 6;
const ELF = 0x7f454c46;
const MACH_O = 0xfeedfacf;
const UNIVERSAL = 0xcafebabe;
/** "PE" and two zeros, in the middle of a file that begins with "MZ". */
const PE = 0x50450000;

const elfMachines = new Map([
  [0x03, "ia32"],
  [0x15, "ppc64"],
  [0x16, "s390x"],
  [0x28, "arm"],
  [0x3e, "x64"],
  [0xb7, "arm64"],
  [0xf3, "riscv64"],
]);
const machMachines = new Map([
  [0x01000007, "x64"],
  [0x0100000c, "arm64"],
]);
const peMachines = new Map([
  [0x14c, "ia32"],
  [0x8664, "x64"],
  [0xaa64, "arm64"],
]);

/** @returns undefined if it is not a known kind of library, or is truncated */
export function libraryKind(bytes: Buffer): LibraryKind | undefined {
  try {
    switch (formatOf(bytes)) {
      case "elf": {
        const machine = bytes[5] === 2 ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18);
        return { os: "linux", archs: known(elfMachines, [machine]) };
      }
      case "mach-o":
        return { os: "darwin", archs: known(machMachines, [bytes.readUInt32LE(4)]) };
      case "universal":
        return universal(bytes);
      case "pe": {
        const start = peHeader(bytes);
        if (start === undefined) return undefined;
        return { os: "win32", archs: known(peMachines, [bytes.readUInt16LE(start + 4)]) };
      }
      default:
        return undefined;
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** By the first bytes; undefined for what is no library. */
function formatOf(bytes: Buffer): "elf" | "mach-o" | "universal" | "pe" | undefined {
  if (bytes.length < MAGIC_BYTES) return undefined;
  const magic = bytes.readUInt32BE(0);
  if (magic === ELF) return bytes.length < ELF_IDENTITY_BYTES ? undefined : "elf";
  if (magic === UNIVERSAL) return "universal";
  if (bytes.readUInt32LE(0) === MACH_O) return "mach-o";
  return bytes.toString("latin1", 0, 2) === "MZ" ? "pe" : undefined;
}

/** Where the header of a Windows library begins; undefined for another program of MS-DOS. */
function peHeader(bytes: Buffer): number | undefined {
  const start = bytes.readUInt32LE(0x3c);
  return bytes.readUInt32BE(start) === PE ? start : undefined;
}

function universal(bytes: Buffer): LibraryKind | undefined {
  const parts = bytes.readUInt32BE(4);
  if (parts > MAX_PARTS) return undefined;
  const machines = Array.from({ length: parts }, (_, i) => bytes.readUInt32BE(8 + 20 * i));
  return { os: "darwin", archs: known(machMachines, machines) };
}

function known(names: ReadonlyMap<number, string>, numbers: readonly number[]): string[] {
  return numbers.map((number) => names.get(number)).filter((name) => name !== undefined);
}

/**
 * The C library that a library for Linux asks for, by the names among its strings; undefined where it names none. musl's own
 * is libc.so for zig, and libc.musl-x86_64.so.1 for Alpine's compilers.
 */
function readLibc(path: string): Libc | undefined {
  const bytes = readFileSync(path);
  if (bytes.includes("\0libc.so.6\0")) return "glibc";
  return bytes.includes("\0libc.musl-") || bytes.includes("\0libc.so\0") ? "musl" : undefined;
}

function readStart(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    return bytes.subarray(0, readSync(file, bytes, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/**
 * Bytes that a library must have at least; 0 for what is none, or has a header that cannot be followed. The loader of Linux maps
 * a file that was cut off without looking, and then the process ends with SIGBUS; those of macOS and Windows refuse it in words
 * of their own.
 */
export function leastSize(bytes: Buffer): number {
  try {
    switch (formatOf(bytes)) {
      case "elf":
        return leastElf(bytes);
      case "mach-o":
        return leastMachO(bytes);
      case "universal":
        return leastUniversal(bytes);
      case "pe":
        return leastPe(bytes);
      default:
        return 0;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The header itself is cut off, or longer than what was read of the file.
    return bytes.length < HEADER_BYTES ? bytes.length + 1 : 0;
  }
}

/** Where an ELF header (elf(5)) has the places of its tables, and the sizes and numbers of their entries. */
const ELF_FIELDS = {
  32: { bytes: 52, segments: [0x1c, 0x2a, 0x2c], sections: [0x20, 0x2e, 0x30] },
  64: { bytes: 64, segments: [0x20, 0x36, 0x38], sections: [0x28, 0x3a, 0x3c] },
} as const;

function leastElf(bytes: Buffer): number {
  const isWide = bytes[4] === 2;
  const isBig = bytes[5] === 2;
  const fields = ELF_FIELDS[isWide ? 64 : 32];
  if (bytes.length < fields.bytes) return fields.bytes;
  const short = (at: number) => (isBig ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at));
  const place = (at: number) => {
    if (isWide) return Number(isBig ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at));
    return isBig ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  };
  const end = ([at, size, count]: readonly [number, number, number]) => place(at) + short(size) * short(count);
  // Linkers put the table of sections at the very end.
  return Math.max(end(fields.segments), end(fields.sections));
}

/** Load commands of a Mach-O file (mach-o/loader.h) begin after its header; a segment names its part of the file. */
const MACH_HEADER_BYTES = 32;
const MACH_COMMAND_BYTES = 8;
const LC_SEGMENT_64 = 0x19;

function leastMachO(bytes: Buffer): number {
  const end = MACH_HEADER_BYTES + bytes.readUInt32LE(20);
  let least = end;
  for (let at = MACH_HEADER_BYTES; at < end; at += Math.max(MACH_COMMAND_BYTES, bytes.readUInt32LE(at + 4)))
    if (bytes.readUInt32LE(at) === LC_SEGMENT_64)
      least = Math.max(least, Number(bytes.readBigUInt64LE(at + 40)) + Number(bytes.readBigUInt64LE(at + 48)));
  return least;
}

function leastUniversal(bytes: Buffer): number {
  const parts = bytes.readUInt32BE(4);
  if (parts > MAX_PARTS) return 0;
  const ends = Array.from(
    { length: parts },
    (_, i) => bytes.readUInt32BE(16 + 20 * i) + bytes.readUInt32BE(20 + 20 * i),
  );
  return Math.max(0, ...ends);
}

/** From the start of "PE": the COFF header, after which come the optional header and the table of sections. */
const PE_HEADER_BYTES = 24;
const PE_SECTION_BYTES = 40;

function leastPe(bytes: Buffer): number {
  const start = peHeader(bytes);
  if (start === undefined) return 0;
  const sections = start + PE_HEADER_BYTES + bytes.readUInt16LE(start + 20);
  const ends = Array.from({ length: bytes.readUInt16LE(start + 6) }, (_, i) => {
    const at = sections + PE_SECTION_BYTES * i;
    // What is beyond the size in memory is padding, which may be missing.
    const size = Math.min(bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 16));
    return bytes.readUInt32LE(at + 20) + size;
  });
  return Math.max(sections + PE_SECTION_BYTES * ends.length, ...ends);
}

/** What is wrong with a library's file. */
export interface LibraryProblem {
  /** A clause without a full stop that follows the file's path. */
  readonly what: string;
  /** Whether the file is damaged, or a library for another platform. */
  readonly kind: "damaged" | "foreign";
}

/**
 * Whether a file looks like a library for a platform; it is not opened.
 *
 * @throws the system's error when the file cannot be read
 */
export function findLibraryProblem(path: string, platform: LibraryPlatform): LibraryProblem | undefined {
  const start = readStart(path);
  const cut = cutOff(path, start);
  if (cut !== undefined) return { what: cut, kind: "damaged" };
  const kind = libraryKind(start);
  if (kind === undefined) return { what: `is not a shared library${contentOf(start)}`, kind: "damaged" };
  const isForeign = (made: string): LibraryProblem => ({
    what: `was built for ${made}, but this is ${describePlatform(platform)}`,
    kind: "foreign",
  });
  if (!fits(kind, platform)) return isForeign(platformName(kind.os, kind.archs));
  const libc = platform.libc === undefined ? undefined : readLibc(path);
  return libc === undefined || libc === platform.libc ? undefined : isForeign(libc);
}

function cutOff(path: string, start: Buffer): string | undefined {
  const least = leastSize(start);
  const { size } = statSync(path);
  return size < least ? `is truncated: it has ${size} bytes of at least ${least}` : undefined;
}

/** What else a file is, as far as it is known: what downloads and clones leave in a library's place. */
function contentOf(bytes: Buffer): string {
  if (bytes.length === 0) return ": it is empty";
  if (isPointer(bytes)) return ": it is a Git LFS pointer";
  const text = bytes.toString("latin1");
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text)) return ": it is a web page";
  return /^[\t\n\r\x20-\x7e]+$/.test(text) ? ": it is a text file" : ", or is damaged";
}

/** The first library of a folder that was cut off: a clause that begins with its path. */
export function findCutOff(folder: string): string | undefined {
  for (const name of librariesOf(folder)) {
    const path = join(folder, name);
    try {
      const cut = cutOff(path, readStart(path));
      if (cut !== undefined) return `${path} ${cut}`;
    } catch {
      // A dangling link or an unreadable file: the loader reports that safely.
    }
  }
  return undefined;
}

function librariesOf(folder: string): string[] {
  return (listIfReadable(folder) ?? []).filter((name) => /\.(?:so(?:\.|$)|dylib$|dll$)/.test(name));
}

/** Names as in process.platform and process.arch. */
export interface LibraryPlatform {
  readonly os: string;
  readonly arch: string;
  /** Only on Linux; checked where it is given. */
  readonly libc?: Libc;
}

/** Every system but macOS and Windows has ELF files, and they do not say for which one. */
export function fits(kind: LibraryKind, { os, arch }: LibraryPlatform): boolean {
  return kind.os === (os === "darwin" || os === "win32" ? os : "linux") && kind.archs.includes(arch);
}

const systems: Readonly<Record<string, string>> = { linux: "Linux", darwin: "macOS", win32: "Windows" };

/** "Windows on x64" */
export function platformName(os: string, archs: readonly string[]): string {
  return `${systems[os] ?? os} on ${archs.length === 0 ? "another processor" : archs.join(" and ")}`;
}

/** "Linux on x64 (glibc)" */
export function describePlatform({ os, arch, libc }: LibraryPlatform): string {
  return `${platformName(os, [arch])}${libc === undefined ? "" : ` (${libc})`}`;
}

/** Which system and processor a shared library is made for, from its first bytes. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
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
    if (bytes.readUInt32BE(0) === 0x7f454c46) {
      const machine = bytes[5] === 2 ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18);
      return { os: "linux", archs: known(elfMachines, [machine]) };
    }
    if (bytes.readUInt32LE(0) === 0xfeedfacf)
      return { os: "darwin", archs: known(machMachines, [bytes.readUInt32LE(4)]) };
    if (bytes.readUInt32BE(0) === 0xcafebabe) return universal(bytes);
    if (bytes.toString("latin1", 0, 2) === "MZ") {
      const start = bytes.readUInt32LE(0x3c);
      if (bytes.readUInt32BE(start) !== 0x50450000) return undefined;
      return { os: "win32", archs: known(peMachines, [bytes.readUInt16LE(start + 4)]) };
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return undefined;
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

/** @throws the system's error when the file cannot be read */
export function readLibraryKind(path: string): LibraryKind | undefined {
  return libraryKind(readStart(path));
}

/**
 * The C library that a library for Linux asks for, by the names among its strings; undefined where it names none. musl's own
 * is libc.so for zig, and libc.musl-x86_64.so.1 for Alpine's compilers.
 */
export function readLibc(path: string): Libc | undefined {
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

/** Fields of a 64-bit ELF header that locate its tables (elf(5)); the header also gives the size of their entries. */
const ELF64 = {
  segments: 0x20,
  sections: 0x28,
  segmentSize: 0x36,
  segmentCount: 0x38,
  sectionSize: 0x3a,
  sectionCount: 0x3c,
};

/** Of its header. */
const ELF64_BYTES = 64;

/**
 * Bytes that a library for Linux must have at least; 0 for others. The system's loader maps a file that was cut off without
 * looking, and then the process ends with SIGBUS, whereas the loaders of macOS and Windows refuse it.
 */
export function leastSize(bytes: Buffer): number {
  const isElf64 = bytes.length >= 6 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
  if (!isElf64) return 0;
  if (bytes.length < ELF64_BYTES) return ELF64_BYTES;
  const end = (at: number, size: number, count: number) =>
    Number(bytes.readBigUInt64LE(at)) + bytes.readUInt16LE(size) * bytes.readUInt16LE(count);
  return Math.max(
    end(ELF64.segments, ELF64.segmentSize, ELF64.segmentCount),
    // Linkers put the table of sections at the very end.
    end(ELF64.sections, ELF64.sectionSize, ELF64.sectionCount),
  );
}

/** The first library of a folder that was cut off, with its size and the least that it must have. */
export function findCutOff(folder: string): { path: string; size: number; least: number } | undefined {
  for (const name of librariesOf(folder)) {
    const path = join(folder, name);
    try {
      const least = leastSize(readStart(path));
      const { size } = statSync(path);
      if (size < least) return { path, size, least };
    } catch {
      // A dangling link or an unreadable file: the loader reports that safely.
    }
  }
  return undefined;
}

function librariesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.so(?:\.|$)/.test(name))
      .sort();
  } catch {
    return [];
  }
}

export function fits(kind: LibraryKind, platform: { readonly os: string; readonly arch: string }): boolean {
  return kind.os === platform.os && kind.archs.includes(platform.arch);
}

const systems: Readonly<Record<string, string>> = { linux: "Linux", darwin: "macOS", win32: "Windows" };

/** "Windows on x64" */
export function platformName(os: string, archs: readonly string[]): string {
  return `${systems[os] ?? os} on ${archs.length === 0 ? "another processor" : archs.join(" and ")}`;
}

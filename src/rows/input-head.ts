/** The first bytes of a text input: its encoding, and the blanks before the first row, however many there are. */
import { FileError } from "../errors.ts";
import { type InputStart, isBlank } from "./json-splitter.ts";

const [TAB, NEWLINE] = [0x09, 0x0a];
/** A UTF-8 byte order mark, and enough to know UTF-16. */
const BOM_BYTES = 3;

/** Collects what is to be looked at before the rest can be read; leading blanks are counted and not kept. */
export class InputHead {
  readonly #name: string;
  readonly #expected: string;
  #parts: Uint8Array[] = [];
  #size = 0;
  #offset = 0;
  #line = 1;
  #knowsEncoding = false;
  #inBlanks = true;
  /** Undefined after another blank. */
  #tabs: number | undefined = 0;

  /** @param expected what messages call the input's format */
  constructor(name: string, expected = "JSON lines or JSON") {
    this.#name = name;
    this.#expected = expected;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the first byte of a row is there. */
  get hasBegun(): boolean {
    return !this.#inBlanks;
  }

  /** Tabs at the start of the first row's line: in a table of tabs they are empty names. */
  get leadingTabs(): number {
    return this.#tabs ?? 0;
  }

  get start(): InputStart {
    return { offset: this.#offset, line: this.#line };
  }

  /** @throws FileError for UTF-16 and for binary files */
  add(chunk: Uint8Array): void {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= BOM_BYTES) this.#skip();
  }

  /** What follows the byte order mark and the blanks. @throws FileError as {@link add} */
  bytes(): Uint8Array {
    if (!this.#knowsEncoding) this.#skip();
    const bytes = this.#joined();
    this.#parts = [bytes];
    checkEncoding(bytes, this.#name, this.#expected);
    return bytes;
  }

  #joined(): Uint8Array {
    return this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Buffer.concat(this.#parts);
  }

  #skip(): void {
    if (!this.#knowsEncoding) {
      const bytes = this.#joined();
      checkEncoding(bytes, this.#name, this.#expected);
      this.#knowsEncoding = true;
      this.#keep(bytes, bomLength(bytes));
    }
    if (!this.#inBlanks) return;
    const bytes = this.#joined();
    let end = 0;
    while (end < bytes.length && isBlank(bytes[end] as number)) {
      const byte = bytes[end];
      if (byte === NEWLINE) {
        this.#line += 1;
        this.#tabs = 0;
      } else if (this.#tabs !== undefined) this.#tabs = byte === TAB ? this.#tabs + 1 : undefined;
      end += 1;
    }
    this.#inBlanks = end === bytes.length;
    this.#keep(bytes, end);
  }

  #keep(bytes: Uint8Array, from: number): void {
    this.#offset += from;
    this.#size = bytes.length - from;
    this.#parts = this.#size === 0 ? [] : [bytes.subarray(from)];
  }
}

/** Of a UTF-8 byte order mark at the start. */
function bomLength(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

const SNIFFED_BYTES = 4096;

/** @throws FileError for UTF-16 and UTF-32, and for binary files */
export function checkEncoding(head: Uint8Array, name: string, expected: string): void {
  const refuse = (message: string) => new FileError("ERR_INVALID_JSON", message, { file: name });
  const encoding = otherEncodingOf(head);
  if (encoding !== undefined)
    throw refuse(
      `Expected UTF-8 text in ${name}, but it looks like ${encoding.iconv}: convert it (iconv -f ${encoding.iconv} -t UTF-8; ` +
        `in PowerShell, Get-Content -Encoding ${encoding.powerShell} OLD | Set-Content -Encoding utf8 NEW).`,
    );
  const zero = head.subarray(0, SNIFFED_BYTES).indexOf(0);
  if (zero < 0) return;
  throw refuse(
    `Expected ${expected} in ${name}, but it has a NUL byte (at byte ${zero + 1}): it is a binary file, or damaged.`,
  );
}

/** By the names of the programs that convert it. */
interface OtherEncoding {
  readonly iconv: string;
  readonly powerShell: string;
}

const UTF_32: OtherEncoding = { iconv: "UTF-32", powerShell: "utf32" };
/** By where the zeros of Latin letters are: in the second byte of each two, or in the first. */
const [LITTLE_ENDIAN, BIG_ENDIAN]: readonly [OtherEncoding, OtherEncoding] = [
  { iconv: "UTF-16LE", powerShell: "unicode" },
  { iconv: "UTF-16BE", powerShell: "bigendianunicode" },
];

/** By its byte order mark; or, without one, by the zeros of Latin letters in every second byte, and nowhere else. */
function otherEncodingOf(head: Uint8Array): OtherEncoding | undefined {
  const [a, b, c, d] = head;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return UTF_32;
  if (a === 0xff && b === 0xfe) return LITTLE_ENDIAN;
  if (a === 0xfe && b === 0xff) return BIG_ENDIAN;
  const sniffed = head.subarray(0, SNIFFED_UTF16_BYTES);
  const zeros = [0, 0] as [number, number];
  for (const [i, byte] of sniffed.entries()) if (byte === 0) zeros[i % 2 === 0 ? 0 : 1] += 1;
  const [first, second] = zeros;
  if (Math.min(first, second) > 0 || 4 * Math.max(first, second, 1) < sniffed.length || first === second)
    return undefined;
  return second > 0 ? LITTLE_ENDIAN : BIG_ENDIAN;
}

const SNIFFED_UTF16_BYTES = 64;

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

/** @throws FileError for UTF-16 and for binary files */
function checkEncoding(head: Uint8Array, name: string, expected: string): void {
  const refuse = (but: string) =>
    new FileError("ERR_INVALID_JSON", `Expected ${expected} in ${name}, but ${but}.`, { file: name });
  if (looksLikeUtf16(head)) {
    // Windows PowerShell writes it with ">".
    const advice =
      `Expected UTF-8 text in ${name}, but it looks like UTF-16: convert it (iconv -f UTF-16 -t UTF-8; ` +
      "in PowerShell, Get-Content OLD | Set-Content -Encoding utf8 NEW).";
    throw new FileError("ERR_INVALID_JSON", advice, { file: name });
  }
  const zero = head.subarray(0, SNIFFED_BYTES).indexOf(0);
  if (zero >= 0) throw refuse(`it has a NUL byte (at byte ${zero + 1}): it is a binary file, or damaged`);
}

/** Its byte order mark; or, without one, the zeros of Latin letters in every second byte, and nowhere else. */
function looksLikeUtf16(head: Uint8Array): boolean {
  const [a, b] = head;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return true;
  const zeros = [0, 0];
  const sniffed = head.subarray(0, SNIFFED_UTF16_BYTES);
  for (const [i, byte] of sniffed.entries()) if (byte === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  const [most, least] = [Math.max(...zeros), Math.min(...zeros)];
  return most >= 1 && least === 0 && 4 * most >= sniffed.length;
}

const SNIFFED_UTF16_BYTES = 64;

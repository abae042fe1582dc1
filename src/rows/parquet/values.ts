/** What hyparquet makes of stored bytes, turned into the plain values that a JSON file would give. */
import { isUtf8 } from "node:buffer";
import { InvalidInputError, type StarlingError } from "../../errors.ts";
import { MAX_ROW_BYTES } from "../json-splitter.ts";
import { MAX_ROW_VALUES } from "../json-value.ts";

/** A placeholder for a string that is not valid UTF-8: replacing its invalid bytes would change the text. */
class BrokenText {}
const brokenText = new BrokenText();

const UUID_BYTES = 16;

/** A time that is written as it is stored: with the digits that a Date rounds, or as a day. */
class ExactDate extends Date {
  readonly #below: bigint;
  readonly #digits: number;

  /** @param value since 1970, in seconds with `digits` decimal places; 0 places: a day */
  constructor(value: bigint, digits: number) {
    const unit = 10n ** BigInt(digits);
    const below = ((value % unit) + unit) % unit;
    super(Number((value - below) / unit) * 1000 + Number((below * 1000n) / unit));
    this.#below = below;
    this.#digits = digits;
  }

  override toJSON(): string {
    if (Number.isNaN(this.getTime())) return null as unknown as string;
    const [start = ""] = this.toISOString().split(".");
    if (this.#digits === 0) return start.replace("T00:00:00", "");
    return `${start}.${this.#below.toString().padStart(this.#digits, "0")}Z`;
  }
}

function textOf(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  if (!isUtf8(bytes)) return brokenText;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

export const parsers = {
  timestampFromMilliseconds: (value: bigint) => new Date(Number(value)),
  timestampFromMicroseconds: (value: bigint) => new ExactDate(value, 6),
  timestampFromNanoseconds: (value: bigint) => new ExactDate(value, 9),
  dateFromDays: (days: number) => new ExactDate(BigInt(days) * 86_400n, 0),
  stringFromBytes: textOf,
  /** As text: a reader that expects a list parses it. */
  jsonFromBytes: textOf,
  geometryFromBytes: (bytes: Uint8Array) => bytes,
  geographyFromBytes: (bytes: Uint8Array) => bytes,
  uuidFromBytes: (bytes: Uint8Array) =>
    bytes.length === UUID_BYTES ? Buffer.from(bytes).toString("hex").replace(UUID_PARTS, "$1-$2-$3-$4-$5") : bytes,
};

/** For columns of bytes that do not say what they are: some writers mean texts, others pictures. */
export const parsersOfBytes: typeof parsers = {
  ...parsers,
  stringFromBytes(bytes) {
    const text = textOf(bytes);
    return text === brokenText ? bytes : text;
  },
};

const UUID_PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;

/** With the characters of its texts. */
export type PlainRow = { readonly characters: number } & ({ value: unknown } | { error: StarlingError });

/**
 * A row of plain values: whole numbers of 64 bits become numbers where that changes nothing and stay BigInts elsewhere,
 * what is missing becomes null, dates stay dates.
 */
export function plainRow(row: Readonly<Record<string, unknown>>): PlainRow {
  let characters = 0;
  let values = 0;
  let broken: string | undefined;
  const plain = (value: unknown, name: string): unknown => {
    values += 1;
    if (value === undefined || value === null) return null;
    if (typeof value === "string") {
      characters += value.length;
      return value;
    }
    if (typeof value === "bigint") return isSafe(value) ? Number(value) : value;
    if (value === brokenText) {
      broken ??= name;
      return null;
    }
    if (Array.isArray(value)) return value.map((element, i) => plain(element, `${name}[${i}]`));
    if (typeof value !== "object" || value instanceof Date || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member, `${name}.${key}`)]));
  };
  const value = Object.fromEntries(Object.entries(row).map(([key, member]) => [key, plain(member, key)]));
  const invalid = (message: string, field?: string) => ({ characters, ...invalidRow(message, field) });
  if (broken !== undefined) return invalid(`Its field ${broken} is not valid UTF-8.`, broken);
  if (values > MAX_ROW_VALUES) return invalid(`It contains more than ${MAX_ROW_VALUES} values.`);
  // Characters are a byte or more each.
  if (characters > MAX_ROW_BYTES) return invalid(`It is longer than ${MAX_ROW_BYTES} bytes.`);
  return { characters, value };
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function invalidRow(message: string, field?: string): { error: StarlingError } {
  return { error: new InvalidInputError("ERR_INVALID_DATA", message, field === undefined ? {} : { field }) };
}

/**
 * The error classes of starling-rm. Every failure that a caller can act on is one of these; each carries a stable
 * `code`, a message of one line that says what was wrong, where, what was expected and what to do, and, where there
 * is one, the `cause`. A cancelled operation rejects with its `AbortSignal`'s own `reason` instead.
 */

/**
 * Every code that a {@link StarlingError} can carry.
 *
 * - `ERR_INVALID_ARGUMENT`: An option or argument has the wrong type or value, or a name that does not exist.
 * - `ERR_INVALID_ITEM`: An item to score is not of one of the accepted shapes, or a field of it has the wrong type.
 * - `ERR_EMPTY_TEXT`: An item's text is empty, or holds no token.
 * - `ERR_INVALID_UNICODE`: An item's text is not valid Unicode: it contains a lone surrogate.
 * - `ERR_SUSPECT_ITEM`: In a strict run: an item with a warning, such as a text with two BOS tokens.
 * - `ERR_NO_SCORE_POSITION`: The first token (after truncation) has the padding id, so there is no position to read a
 *   score at.
 * - `ERR_TOO_MANY_TOKENS`: An item has more tokens than a model that does not truncate can have.
 * - `ERR_CONTEXT_TOO_SMALL`: An item has more tokens than the context that the model was loaded with.
 * - `ERR_INVALID_JSON`: A line of an input file is not valid JSON, or is too long.
 * - `ERR_INVALID_DATA`: A file of rows (parquet, CSV, a compressed one), or a row of it, is truncated, damaged or
 *   contradicts itself.
 * - `ERR_FILE_NOT_READABLE`: A file does not exist or cannot be read.
 * - `ERR_FILE_NOT_WRITABLE`: A file cannot be written.
 * - `ERR_INVALID_CHECKPOINT`: Something in a checkpoint folder is missing, surplus or inconsistent.
 * - `ERR_INVALID_GGUF`: A GGUF file is truncated, damaged, or contradicts itself.
 * - `ERR_MODEL_CHANGED`: The file of a loaded model was written to, or replaced by another one.
 * - `ERR_NO_REWARD_HEAD`: A valid GGUF file that has no reward head.
 * - `ERR_WRONG_HEAD`: A head, of a file or a checkpoint, does not belong to the model that it is given with.
 * - `ERR_UNSUPPORTED_TYPE`: A weight type that this version does not write, or that needs an input that was not
 *   given.
 * - `ERR_ADDON_NOT_BUILT`: The native addon was not built, or does not fit this platform.
 * - `ERR_RUNTIME_NOT_FOUND`: No llama.cpp runtime was found for the requested backend.
 * - `ERR_RUNTIME_UNUSABLE`: A llama.cpp runtime was found but cannot be used: wrong version, missing library or
 *   function.
 * - `ERR_MODEL_LOAD`: llama.cpp refused to load a model, or ran out of memory for it.
 * - `ERR_OUT_OF_MEMORY`: A model needs more memory than is free.
 * - `ERR_EVALUATION`: llama.cpp failed while it evaluated tokens.
 * - `ERR_NOT_FINITE`: An item's score is infinite or not a number.
 * - `ERR_QUANTIZE`: llama.cpp failed while it quantised a model.
 * - `ERR_HUB_UNREACHABLE`: The hub cannot be reached, or fails repeatedly.
 * - `ERR_NOT_ON_HUB`: The hub has no such repository, revision or file.
 * - `ERR_HUB_ACCESS`: The hub refuses: a gated or private repository, or a wrong token.
 * - `ERR_HUB_RESPONSE`: A server sent an invalid response, such as an impossible list or another range than
 *   requested.
 * - `ERR_WRONG_HASH`: The downloaded bytes do not match the hub's hash.
 * - `ERR_DISK_FULL`: The disk has too little space for the download.
 * - `ERR_MODEL_CLOSED`: The model was closed, or is being closed.
 */
export type ErrorCode =
  | "ERR_INVALID_ARGUMENT"
  | "ERR_INVALID_ITEM"
  | "ERR_EMPTY_TEXT"
  | "ERR_INVALID_UNICODE"
  | "ERR_SUSPECT_ITEM"
  | "ERR_NO_SCORE_POSITION"
  | "ERR_TOO_MANY_TOKENS"
  | "ERR_CONTEXT_TOO_SMALL"
  | "ERR_INVALID_JSON"
  | "ERR_INVALID_DATA"
  | "ERR_FILE_NOT_READABLE"
  | "ERR_FILE_NOT_WRITABLE"
  | "ERR_INVALID_CHECKPOINT"
  | "ERR_INVALID_GGUF"
  | "ERR_MODEL_CHANGED"
  | "ERR_NO_REWARD_HEAD"
  | "ERR_WRONG_HEAD"
  | "ERR_UNSUPPORTED_TYPE"
  | "ERR_ADDON_NOT_BUILT"
  | "ERR_RUNTIME_NOT_FOUND"
  | "ERR_RUNTIME_UNUSABLE"
  | "ERR_MODEL_LOAD"
  | "ERR_OUT_OF_MEMORY"
  | "ERR_EVALUATION"
  | "ERR_NOT_FINITE"
  | "ERR_QUANTIZE"
  | "ERR_HUB_UNREACHABLE"
  | "ERR_NOT_ON_HUB"
  | "ERR_HUB_ACCESS"
  | "ERR_HUB_RESPONSE"
  | "ERR_WRONG_HASH"
  | "ERR_DISK_FULL"
  | "ERR_MODEL_CLOSED";

/** A {@link StarlingError} as JSON.stringify writes it. */
export interface StarlingErrorJson {
  /** The name of the class, for example "InvalidInputError". */
  readonly name: string;
  /** The stable code. */
  readonly code: ErrorCode;
  /** One line for people. */
  readonly message: string;
  /** The file that the error is about. */
  readonly file?: string;
  /** The line of that file, from 1. */
  readonly line?: number;
  /** The tensor that the error is about. */
  readonly tensor?: string;
  /** The field, option or metadata key that the error is about. */
  readonly field?: string;
}

/** Details of a {@link StarlingError} besides code and message. */
export interface StarlingErrorOptions {
  /** The underlying error. */
  readonly cause?: unknown;
  /** The file that the error is about. */
  readonly file?: string;
  /** The line of that file, counted from 1. */
  readonly line?: number;
  /** The tensor that the error is about. */
  readonly tensor?: string;
  /** The field, option or metadata key that the error is about. */
  readonly field?: string;
}

const marker = Symbol.for("starling-rm.error");

/** An error that starling-rm raised on purpose. `code` is stable, `message` is for people. */
export class StarlingError extends Error {
  /** Stable: programs may branch on it. */
  readonly code: ErrorCode;
  /** The file that the error is about; absent for other errors. */
  readonly file?: string;
  /** The line of that file, from 1; absent if there is none. */
  readonly line?: number;
  /** The tensor that the error is about; absent for other errors. */
  readonly tensor?: string;
  /** The field, option or metadata key that the error is about; absent for other errors. */
  readonly field?: string;
  /** @internal Lets {@link isStarlingError} recognise errors of another copy of this package. */
  readonly [marker] = true;

  /** @internal Errors are raised by this package. */
  constructor(code: ErrorCode, message: string, options: StarlingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.file !== undefined) this.file = options.file;
    if (options.line !== undefined) this.line = options.line;
    if (options.tensor !== undefined) this.tensor = options.tensor;
    if (options.field !== undefined) this.field = options.field;
  }

  /** The name of the class. */
  override get name(): string {
    return this.constructor.name;
  }

  /** What JSON.stringify writes: name, code, message, and which of file, line, tensor and field are set. */
  toJSON(): StarlingErrorJson {
    const { name, code, message, file, line, tensor, field } = this;
    const place = Object.entries({ file, line, tensor, field }).filter(([, value]) => value !== undefined);
    return { name, code, message, ...Object.fromEntries(place) };
  }
}

/** An option, argument or item that the caller can correct. */
export class InvalidInputError extends StarlingError {}

/** A checkpoint, GGUF or input file that cannot be used as it is; `file` names it. */
export class FileError extends StarlingError {}

/** The addon, the llama.cpp runtime, or something that llama.cpp refused. */
export class NativeError extends StarlingError {}

/** The Hugging Face hub, or another file server: unreachable, refusing, or wrong. */
export class HubError extends StarlingError {}

/** A call on a model that was closed. */
export class ModelClosedError extends StarlingError {
  /** @internal Errors are raised by this package. */
  constructor(message = "The model is closed: load it again to score with it.") {
    super("ERR_MODEL_CLOSED", message);
  }
}

/** Whether `value` is an error that starling-rm (this or another copy of it) raised on purpose. */
export function isStarlingError(value: unknown): value is StarlingError {
  return value instanceof Error && (value as { [marker]?: unknown })[marker] === true;
}

/** The one formula for a wrong option or argument. */
export function invalidArgument(name: string, expected: string, received: unknown): InvalidInputError {
  return new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `Expected ${expected} for ${name} but received ${describe(received)}.`,
    {
      field: name,
    },
  );
}

/** What a public class throws whose objects only the library makes. */
export function notConstructible(name: string, instead: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", `${name} cannot be constructed: use ${instead}.`);
}

/** The message of what was thrown, whatever it is. */
export function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "it throws a value that cannot be read";
  }
}

/** A short text for a value of unknown type: `the string "abc"`, `12`, `an array of length 3`, `an object`. */
export function describe(value: unknown): string {
  try {
    return describeReadable(value);
  } catch {
    return "an object that cannot be read";
  }
}

function describeReadable(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of length ${value.length}`;
  if (typeof value === "string")
    return value === "" ? "an empty string" : `the string ${JSON.stringify(shorten(value))}`;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (value instanceof Uint8Array) return "bytes (binary data)";
  if (value instanceof Date) return "a date";
  const name = className(value);
  return name === undefined ? "an object" : `an object of class ${name}`;
}

/** From the prototype: an object from a file may have its own `constructor`, with any name. */
function className(value: object): string | undefined {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" && name !== "Object" ? name : undefined;
}

const MAX_SHOWN_CHARACTERS = 60;

function shorten(text: string): string {
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS - 1)}…`;
}

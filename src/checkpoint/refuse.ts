import { describe, FileError } from "../errors.ts";

/** Names the part of a checkpoint that an error is about. */
export interface Where {
  readonly tensor?: string;
  readonly field?: string;
  readonly cause?: unknown;
}

/** A FileError ERR_INVALID_CHECKPOINT: `sentence` continues "The file F". */
export function refuse(file: string, sentence: string, where: Where = {}): FileError {
  return new FileError("ERR_INVALID_CHECKPOINT", `The file ${file} ${sentence}`, { file, ...where });
}

/** What a file has as a field, for such a sentence: `has 0 as hidden_size`, `has no hidden_size`. */
export function hasAs(value: unknown, field: string): string {
  return value === undefined ? `has no ${field}` : `has ${describe(value)} as ${field}`;
}

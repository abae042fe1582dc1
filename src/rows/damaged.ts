import { FileError, isStarlingError } from "../errors.ts";

/** What messages call the input that has no name. */
export const STANDARD_INPUT_NAME = "standard input";

/** A file of rows that cannot be read further; `problem` continues "The file NAME". */
export function damaged(file: string, problem: string, cause?: unknown): FileError {
  const subject = file === STANDARD_INPUT_NAME ? "Standard input" : `The file ${file}`;
  return new FileError("ERR_INVALID_DATA", `${subject} ${problem}.`, { file, cause });
}

/** Runs code that trusts what it reads: whatever it throws, on bytes that make no sense, becomes an error of ours. */
export function guarded<T>(file: string, problem: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isStarlingError(error)) throw error;
    throw damaged(file, `${problem}: ${oneLine(error)}`, error);
  }
}

/** The same for work that waits. */
export async function guardedAsync<T>(file: string, problem: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return guarded(file, problem, () => {
      throw error;
    });
  }
}

export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").replace(/\.$/, "").slice(0, MAX_REASON_CHARACTERS);
}

/** What another library says may hold a part of the file. */
const MAX_REASON_CHARACTERS = 200;

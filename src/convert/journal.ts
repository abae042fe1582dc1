/** What a conversion has finished, kept beside the growing file; a later run continues from there. */
import { type FileHandle, lstat, open, readFile, unlink } from "node:fs/promises";
import { isJsonObject, type JsonObject } from "../checkpoint/json.ts";
import { removeAtExit } from "../files/at-exit.ts";
import { notWritable } from "../files/file-errors.ts";
import { flushData } from "../files/flush.ts";
import { ifExists } from "../files/optional-files.ts";
import { partialPath } from "../files/temporary-file.ts";
import { moveFile } from "../files/windows.ts";

/** A tensor that is complete in the growing file. */
export interface FinishedTensor {
  /** In the GGUF. */
  readonly name: string;
  /** SHA-256 of its bytes in the checkpoint, and of those that were written; in hexadecimal. */
  readonly source: string;
  readonly written: string;
}

const FORMAT = 2;
/** A model of 512 layers has 4610 tensors, of 250 bytes each here. */
const MAX_JOURNAL_BYTES = 16 * 1024 * 1024;

/** A file of JSON lines: the work, then a line for each finished tensor. The target's lock must be held. */
export class ConversionJournal {
  /** What an earlier run finished, if this one continues it. */
  readonly finished: readonly FinishedTensor[];
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #forget: () => void;

  private constructor(path: string, handle: FileHandle, finished: readonly FinishedTensor[], keptAtExit: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.finished = finished;
    this.#forget = keptAtExit ? () => {} : removeAtExit(path);
  }

  /**
   * @param target the file to make, without links
   * @param work describes the output and its inputs; only a journal of the same work is continued
   * @param resume false: an earlier run is ignored
   * @throws FileError ERR_FILE_NOT_WRITABLE
   */
  static async open(target: string, work: string, resume: boolean): Promise<ConversionJournal> {
    const path = journalPath(target);
    try {
      const found = resume ? await readJournal(path) : undefined;
      const finished = found?.work === work ? found.finished : [];
      return new ConversionJournal(path, await start(path, work, finished), finished, resume);
    } catch (error) {
      throw notWritable(path, error);
    }
  }

  /** Adds tensors whose bytes are on disk already. @throws FileError ERR_FILE_NOT_WRITABLE */
  async record(tensors: readonly FinishedTensor[]): Promise<void> {
    try {
      await this.#handle.writeFile(tensors.map((tensor) => `${JSON.stringify(tensor)}\n`).join(""));
      await flushData(this.#handle);
    } catch (error) {
      throw notWritable(this.#path, error);
    }
  }

  /** Closes the journal; a later run can still continue from it unless it is removed. */
  async close(remove: boolean): Promise<void> {
    await this.#handle.close();
    if (remove) await unlink(this.#path).catch(() => {});
    this.#forget();
  }
}

function journalPath(target: string): string {
  return `${partialPath(target)}.journal`;
}

/** Replaces the old journal atomically: a kill leaves one or the other. */
async function start(path: string, work: string, finished: readonly FinishedTensor[]): Promise<FileHandle> {
  const head = { format: FORMAT, work };
  const lines = [head, ...finished].map((line) => `${JSON.stringify(line)}\n`).join("");
  const temporary = `${path}.new`;
  // Removes the leftover of a killed run; we hold the lock. "wx" then creates a new file and follows no link.
  await unlink(temporary).catch(() => {});
  const handle = await open(temporary, "wx");
  try {
    await handle.writeFile(lines);
    await flushData(handle);
    await moveFile(temporary, path);
    return handle;
  } catch (error) {
    await handle.close();
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

interface FoundJournal {
  readonly work: string;
  readonly finished: readonly FinishedTensor[];
}

/** Undefined for what is too long, or not a file, to be a journal of ours. */
async function readText(path: string): Promise<string | undefined> {
  const stats = await lstat(path);
  return stats.isFile() && stats.size <= MAX_JOURNAL_BYTES ? readFile(path, "utf8") : undefined;
}

/** The readable part of a journal; a truncated line, or anything that is not a journal of ours, is ignored. */
async function readJournal(path: string): Promise<FoundJournal | undefined> {
  const text = await ifExists(readText(path));
  if (text === undefined) return undefined;
  const [head, ...rest] = text.split("\n").map(parseLine);
  if (head === undefined || head.format !== FORMAT) return undefined;
  const { work } = head;
  if (typeof work !== "string") return undefined;
  const finished: FinishedTensor[] = [];
  for (const line of rest) {
    const { name, source, written } = line ?? {};
    if (typeof name !== "string" || typeof source !== "string" || typeof written !== "string") break;
    finished.push({ name, source, written });
  }
  return { work, finished };
}

function parseLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

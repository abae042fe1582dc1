/** What a conversion has finished, kept beside the growing file, so that a later run can go on from there. */
import { type FileHandle, open, readFile, rename, unlink } from "node:fs/promises";
import { isJsonObject, type JsonObject } from "../checkpoint/json.ts";
import { FileError } from "../errors.ts";
import { codeOf } from "../files/byte-source.ts";
import { hasEnded, isLocal, type ProcessIdentity, thisProcess } from "../files/process-identity.ts";
import { forgetForExit, partialPath, rememberForExit } from "../files/temporary-file.ts";

/** A tensor that stands whole in the growing file. */
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

/** Targets that this process writes to: a process is no stranger to itself. */
const active = new Set<string>();

/**
 * A file of JSON lines: who writes and what, then a line for each finished tensor. It is the lock, too: a second
 * conversion to the same target is refused while the first one's process lives.
 */
export class ConversionJournal {
  /** What an earlier run finished, if this one continues it. */
  readonly finished: readonly FinishedTensor[];
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, finished: readonly FinishedTensor[]) {
    this.#path = path;
    this.#handle = handle;
    this.finished = finished;
  }

  /**
   * @param target the file that is to be made
   * @param work says what is written and from what; only a journal of the same work is continued
   * @param resume false: nothing of an earlier run is used
   * @throws FileError ERR_FILE_NOT_WRITABLE, also while another process writes to the same target
   */
  static async open(target: string, work: string, resume: boolean): Promise<ConversionJournal> {
    const path = `${partialPath(target)}.journal`;
    if (active.has(path)) throw busy(target, path, process.pid);
    active.add(path);
    try {
      const found = await readJournal(path);
      if (found !== undefined && isBusy(found.writer)) throw busy(target, path, found.writer.process as number);
      const finished = resume && found?.work === work ? found.finished : [];
      const handle = await start(path, work, finished);
      if (!resume) rememberForExit(path);
      return new ConversionJournal(path, handle, finished);
    } catch (error) {
      active.delete(path);
      if (error instanceof FileError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new FileError("ERR_FILE_NOT_WRITABLE", `The file ${path} cannot be written: ${reason}.`, {
        file: path,
        cause: error,
      });
    }
  }

  /** Adds tensors whose bytes are on the disk already. */
  async record(tensors: readonly FinishedTensor[]): Promise<void> {
    await this.#handle.write(tensors.map((tensor) => `${JSON.stringify(tensor)}\n`).join(""));
    await this.#handle.datasync();
  }

  /** Closes the journal; a later run can still go on from it unless it is removed. */
  async close(remove: boolean): Promise<void> {
    await this.#handle.close();
    if (remove) await unlink(this.#path).catch(() => {});
    forgetForExit(this.#path);
    active.delete(this.#path);
  }
}

/** Puts a new journal in the place of the old one at once, so that a kill leaves the one or the other. */
async function start(path: string, work: string, finished: readonly FinishedTensor[]): Promise<FileHandle> {
  const head = { format: FORMAT, work, writer: thisProcess() };
  const lines = [head, ...finished].map((line) => `${JSON.stringify(line)}\n`).join("");
  const temporary = `${path}.new`;
  const handle = await open(temporary, "w");
  try {
    await handle.write(lines);
    await handle.datasync();
    await rename(temporary, path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface FoundJournal {
  readonly writer: Partial<ProcessIdentity>;
  readonly work: string;
  readonly finished: readonly FinishedTensor[];
}

/** What can be read of a journal: a line that a kill cut off, and whatever is no journal of ours, counts for nothing. */
async function readJournal(path: string): Promise<FoundJournal | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  if (text.length > MAX_JOURNAL_BYTES) return undefined;
  const [head, ...rest] = text.split("\n").map(parseLine);
  if (head === undefined || head.format !== FORMAT) return undefined;
  const { work, writer } = head;
  if (typeof work !== "string" || !isJsonObject(writer)) return undefined;
  const finished: FinishedTensor[] = [];
  for (const line of rest) {
    const { name, source, written } = line ?? {};
    if (typeof name !== "string" || typeof source !== "string" || typeof written !== "string") break;
    finished.push({ name, source, written });
  }
  return { writer, work, finished };
}

function parseLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What this process left is its own to go on with; of another machine's process nothing can be told. */
function isBusy(writer: Partial<ProcessIdentity>): boolean {
  return isLocal(writer) && writer.process !== process.pid && !hasEnded(writer);
}

function busy(target: string, path: string, pid: number): FileError {
  return new FileError(
    "ERR_FILE_NOT_WRITABLE",
    `The file ${target} is being written by process ${pid}. If that is no conversion, delete ${path}.`,
    { file: target },
  );
}

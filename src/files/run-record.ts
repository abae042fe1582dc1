/**
 * How far a run got that appends rows to a file, in a small file beside it. A later run checks that it does the same work, cuts
 * the file back to what the record vouches for, and goes on.
 */
import { createHash } from "node:crypto";
import { constants, type FileHandle, open, readFile, unlink } from "node:fs/promises";
import { ifExists } from "./optional-files.ts";
import { isDenied } from "./system-errors.ts";
import { writeAll } from "./write-all.ts";

/** What makes a run that run: each entry is compared by itself, and named where it differs. */
export type Fingerprint = Readonly<Record<string, string>>;

/** What is done, of input and output. */
export interface Checkpoint {
  /** Input rows whose results are all in the file. */
  readonly rows: number;
  /** Of these rows: failed, with a truncated text, and their tokens. */
  readonly failed: number;
  readonly truncated: number;
  readonly tokens: number;
  /** Output records in the file. */
  readonly records: number;
  /** Hash of these input rows. */
  readonly input: string;
  /** Bytes of the file, and their hash. */
  readonly bytes: number;
  readonly output: string;
  /** The run came to its end. */
  readonly complete?: boolean;
}

export interface FoundRecord {
  readonly fingerprint: Fingerprint;
  /** Newest first. */
  readonly checkpoints: readonly Checkpoint[];
}

/** Room for one checkpoint; the two newest alternate, so that a kill in the middle of a write loses only the newer one. */
const SLOT_BYTES = 512;
const SLOTS = 2;
/** An entry of the fingerprint is short or a hash. */
const MAX_RECORD_BYTES = 1024 * 1024;
const NEW_FILE = 0o600;
const CHECK_CHARACTERS = 16;

export class RunRecord {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #start: number;
  #count: number;

  private constructor(path: string, handle: FileHandle, start: number, count: number) {
    this.#path = path;
    this.#handle = handle;
    this.#start = start;
    this.#count = count;
  }

  /** Undefined where there is none, or none that can be read. */
  static async read(path: string): Promise<FoundRecord | undefined> {
    const text = await readFile(path, "latin1").catch(() => "");
    const end = text.indexOf("\n");
    if (end < 0 || text.length > MAX_RECORD_BYTES) return undefined;
    try {
      const fingerprint = JSON.parse(Buffer.from(text.slice(0, end), "latin1").toString()) as Fingerprint;
      const slots = Array.from({ length: SLOTS }, (_, i) => slotAt(text, end + 1 + i * SLOT_BYTES));
      const found = slots.filter((slot) => slot !== undefined).sort((a, b) => b.number - a.number);
      return { fingerprint, checkpoints: found.map(({ checkpoint }) => checkpoint) };
    } catch {
      return undefined;
    }
  }

  /** Begins one, or goes on with the one that is there. Undefined in a folder that is closed to this user. */
  static async open(path: string, fingerprint: Fingerprint, resume: boolean): Promise<RunRecord | undefined> {
    const header = Buffer.from(`${JSON.stringify(fingerprint)}\n`);
    const how = resume ? 0 : constants.O_CREAT | constants.O_EXCL;
    try {
      if (!resume) await ifExists(unlink(path));
      const handle = await open(path, constants.O_RDWR | how | (constants.O_NOFOLLOW ?? 0), NEW_FILE);
      if (!resume) await writeAll(handle, header, 0);
      // More than any count before: the slots of an earlier run are older.
      return new RunRecord(path, handle, header.length, resume ? Date.now() : 0);
    } catch (error) {
      if (isDenied(error)) return undefined;
      throw error;
    }
  }

  /** Call after the rows are written. */
  async save(checkpoint: Checkpoint): Promise<void> {
    const body = JSON.stringify([this.#count, checkpoint]);
    const slot = Buffer.alloc(SLOT_BYTES, " ");
    slot.write(`${checkOf(body)}${body}`, "latin1");
    slot.write("\n", SLOT_BYTES - 1, "latin1");
    await writeAll(this.#handle, slot, this.#start + (this.#count % SLOTS) * SLOT_BYTES);
    this.#count += 1;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await this.#handle.close();
    await ifExists(unlink(this.#path));
  }
}

function slotAt(text: string, start: number): { number: number; checkpoint: Checkpoint } | undefined {
  const slot = text.slice(start, start + SLOT_BYTES).trimEnd();
  const body = slot.slice(CHECK_CHARACTERS);
  if (body === "" || slot.slice(0, CHECK_CHARACTERS) !== checkOf(body)) return undefined;
  const [number, checkpoint] = JSON.parse(body) as [number, Checkpoint];
  return { number, checkpoint };
}

function checkOf(body: string): string {
  return createHash("sha256").update(body).digest("hex").slice(0, CHECK_CHARACTERS);
}

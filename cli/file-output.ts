/**
 * Rows into a regular file. Those that can be appended to it are written as they come, so a kill loses none; the others are kept
 * in a file beside it, and it appears when all are there. Either way a later run can go on.
 */
import { createHash, type Hash } from "node:crypto";
import { constants, type FileHandle, open, stat, unlink } from "node:fs/promises";
import { counted } from "./counted.ts";
import { existingFile, notWritable, UsageError } from "./errors.ts";
import { chunksOf, linesOf } from "./kept-lines.ts";
import {
  besideTarget,
  type Checkpoint,
  type Fingerprint,
  type FoundRecord,
  holdOutput,
  OutputFile,
  RunRecord,
  writeAll,
} from "./library.ts";
import type { Done, Output, Publish } from "./output-types.ts";

export interface FileSettings {
  readonly isThere: boolean;
  /** Whether an existing file may be replaced. */
  readonly force: boolean;
  /** Whether to go on with what an earlier run of the same fingerprint left. */
  readonly resume: boolean;
  readonly fingerprint: Fingerprint;
  /** The file appears when all rows are known. */
  readonly held: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Suffixes of the files beside the output. */
const [ROWS, RECORD] = [".rows", ".resume"];
/** A kill costs at most this much finished work; saving takes far less. */
const MIN_SAVE_MS = 100;
const NEW_FILE = 0o666;
const PRIVATE_FILE = 0o600;
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

interface Claim {
  readonly path: string;
  readonly isNew: boolean;
  /** The file that rows are written to: the output, or one beside it. */
  readonly data: string;
  readonly record: string;
  readonly file?: OutputFile;
  release(): Promise<void>;
}

export class FileOutput implements Output {
  readonly isStdout = false;
  readonly isHeld: boolean;
  readonly replaces?: string;
  readonly earlier?: Checkpoint;
  readonly #name: string;
  readonly #settings: FileSettings;
  readonly #claim: Claim;
  #handle: FileHandle | undefined;
  #record: RunRecord | undefined;
  #written = 0;
  #hash: Hash = createHash("sha256");
  #savedAt = 0;

  private constructor(name: string, settings: FileSettings, claim: Claim, earlier: Checkpoint | undefined) {
    this.#name = name;
    this.#settings = settings;
    this.#claim = claim;
    this.isHeld = settings.held;
    if (earlier !== undefined) this.earlier = earlier;
    else if (!claim.isNew) this.replaces = name;
  }

  static async open(name: string, settings: FileSettings): Promise<FileOutput> {
    const { isThere, force, resume, held, signal } = settings;
    const overwrite = force || resume;
    if (isThere && !overwrite) throw new UsageError(existingFile(name) + (await canResume(name)));
    const claim = await claimFile(name, held, overwrite, signal);
    try {
      const found = await RunRecord.read(claim.record);
      const output = new FileOutput(
        name,
        settings,
        claim,
        resume ? await goOn(name, found, claim, settings) : undefined,
      );
      const left = found?.checkpoints[0];
      if (!overwrite && held && left !== undefined && left.complete !== true && left.rows > 0)
        throw new UsageError(
          `an interrupted run left ${counted(left.rows, "row")} for ${name}; --resume continues it, --force starts over`,
        );
      if (output.earlier !== undefined && output.earlier.complete !== true) await output.#reopen(output.earlier);
      return output;
    } catch (error) {
      await claim.release();
      throw error;
    }
  }

  async write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    try {
      this.#handle ??= await this.#begin();
      await writeAll(this.#handle, bytes, this.#written);
      this.#hash.update(bytes);
      this.#written += bytes.length;
    } catch (error) {
      // Half a line would be a broken row.
      await this.#handle?.truncate(this.#written).catch(() => {});
      throw notWritable(this.#name, error);
    }
  }

  async save(done: () => Done, now = false): Promise<void> {
    if (!now && performance.now() - this.#savedAt < MIN_SAVE_MS) return;
    const soFar = done();
    if (this.#handle === undefined && soFar.rows > 0) this.#handle = await this.#begin();
    await this.#record?.save(this.#checkpoint(soFar));
    this.#savedAt = performance.now();
  }

  async complete(done: Done, publish: Publish | undefined): Promise<void> {
    if (this.isHeld) await this.#publish(done, publish as Publish);
    if (!this.isHeld && this.#handle === undefined && this.#claim.isNew) this.#handle = await this.#begin();
    const record = this.#record;
    if (this.#settings.resume) await record?.save({ ...this.#checkpoint(done), complete: true });
    else {
      this.#record = undefined;
      await record?.remove();
    }
    // Not before it is known that they are no longer needed.
    if (this.isHeld) await unlink(this.#claim.data).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    await this.#record?.close();
    await this.#claim.release();
  }

  #checkpoint(done: Done): Checkpoint {
    return { ...done, bytes: this.#written, output: this.#hash.copy().digest("hex") };
  }

  /** The first row is there: from now on an old file is no longer needed. */
  async #begin(): Promise<FileHandle> {
    const { isNew, data, record } = this.#claim;
    // Before the file: one without a record could be anybody's.
    this.#record = await RunRecord.open(record, this.#settings.fingerprint, false);
    if (this.isHeld) await unlink(data).catch(() => {});
    const how = isNew || this.isHeld ? constants.O_CREAT | constants.O_EXCL : constants.O_TRUNC;
    return await open(data, constants.O_RDWR | how | NO_FOLLOW, this.isHeld ? PRIVATE_FILE : NEW_FILE);
  }

  /** Cuts the file back to the rows of the checkpoint. */
  async #reopen(earlier: Checkpoint): Promise<void> {
    const { data, record } = this.#claim;
    const handle = await open(data, constants.O_RDWR | NO_FOLLOW);
    this.#handle = handle;
    this.#hash = await hashOf(handle, earlier.bytes);
    if (this.#hash.copy().digest("hex") !== earlier.output) {
      await handle.close();
      throw new UsageError(`${this.#name} cannot be resumed: its rows have changed; --force starts over`);
    }
    await handle.truncate(earlier.bytes);
    this.#written = earlier.bytes;
    this.#record = await RunRecord.open(record, this.#settings.fingerprint, true);
  }

  async #publish(done: Done, publish: Publish): Promise<void> {
    // Without rows there is nothing to replace an old file with.
    if (done.rows === 0 && !this.#claim.isNew) return;
    this.#handle ??= await this.#begin();
    const handle = this.#handle;
    const target = this.#claim.file as OutputFile;
    const file = await target.create();
    let position = 0;
    try {
      for await (const bytes of publish(() => linesOf(handle, this.#written))) {
        await file.write(bytes, position);
        position += bytes.length;
      }
      await target.publish(file);
    } finally {
      await file.discard();
    }
    this.#handle = undefined;
    await handle.close();
    this.#written = position;
  }
}

async function claimFile(name: string, held: boolean, overwrite: boolean, signal?: AbortSignal): Promise<Claim> {
  const options = { overwrite, ...(signal === undefined ? {} : { signal }) };
  if (!held) {
    const output = await holdOutput(name, options);
    return { ...output, data: output.path, record: besideTarget(output.path, RECORD) };
  }
  const file = await OutputFile.claim(name, options);
  const { path, there } = file.target;
  const [data, record] = [besideTarget(path, ROWS), besideTarget(path, RECORD)];
  return { path, isNew: there === undefined, data, record, file, release: () => file.release() };
}

/** What to go on with; undefined to begin. @throws UsageError where the output would not be that of a run without a stop */
async function goOn(
  name: string,
  found: FoundRecord | undefined,
  claim: Claim,
  { fingerprint }: FileSettings,
): Promise<Checkpoint | undefined> {
  const refused = (reason: string) => new UsageError(`${name} cannot be resumed: ${reason}; --force starts over`);
  if (found === undefined) {
    if (claim.isNew) return undefined;
    throw refused("the record of the run that wrote it is missing (a completed run removes it)");
  }
  const [newest] = found.checkpoints;
  // It was removed after it was complete, or no row was done.
  if (claim.isNew && (newest === undefined || newest.complete === true)) return undefined;
  const changed = differences(found.fingerprint, fingerprint);
  if (changed !== undefined) throw refused(changed);
  if (newest === undefined) return undefined;
  const size = (await stat(newest.complete === true ? claim.path : claim.data).catch(() => undefined))?.size ?? 0;
  if (newest.complete === true) {
    if (size !== newest.bytes) throw refused("it has changed since it was completed");
    return newest;
  }
  const fitting = found.checkpoints.find(({ bytes }) => bytes <= size);
  if (fitting === undefined) throw refused("some of its rows are missing");
  return fitting;
}

/** What is not as it was, in words. */
function differences(before: Fingerprint, now: Fingerprint): string | undefined {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  const changed = [...names].filter((name) => before[name] !== now[name]);
  const [first] = changed;
  if (first === undefined) return undefined;
  const [was, is] = [before[first], now[first]];
  if (first.startsWith("--")) return `its rows were written ${withOption(first, was)}, not ${withOption(first, is)}`;
  return first === "version"
    ? `its rows were written by starling-rm ${was}; this is ${is}`
    : `its rows were written with another ${first}`;
}

function withOption(name: string, value: string | undefined): string {
  if (value === undefined) return `without ${name}`;
  const list = value.startsWith("[") ? (JSON.parse(value) as string[]).join(" ") : value;
  return value === "true" ? `with ${name}` : `with ${name} ${list}`;
}

async function canResume(name: string): Promise<string> {
  const found = await RunRecord.read(besideTarget(name, RECORD));
  const newest = found?.checkpoints[0];
  return newest === undefined || newest.complete === true ? "" : "; --resume continues it";
}

async function hashOf(handle: FileHandle, bytes: number): Promise<Hash> {
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(handle, bytes)) hash.update(chunk);
  return hash;
}

/** The folder of a probe's results: the report, and every text that was scored. */
import { join } from "node:path";
import { makeOutputFolder } from "../../files/make-folder.ts";
import { OutputFile, writeWhole } from "../../files/output-file.ts";
import { findTarget } from "../../files/target.ts";
import type { TemporaryFile } from "../../files/temporary-file.ts";
import type { ProbedText, ProbeReport } from "./report.ts";

/** The files in the folder. */
export interface WrittenProbe {
  /** The report as JSON. */
  readonly json: string;
  /** One JSON line per text. */
  readonly texts: string;
}

export function probeFilesIn(folder: string): WrittenProbe {
  return { json: join(folder, "report.json"), texts: join(folder, "texts.jsonl") };
}

/** Bytes that are written at once. */
const BLOCK = 1 << 20;

export class ProbeFolder {
  readonly #paths: WrittenProbe;
  readonly #output: OutputFile;
  readonly #file: TemporaryFile;
  #lines: string[] = [];
  #held = 0;
  #position = 0;

  private constructor(paths: WrittenProbe, output: OutputFile, file: TemporaryFile) {
    this.#paths = paths;
    this.#output = output;
    this.#file = file;
  }

  /**
   * Creates the folder and checks that files can be written there, before any work is done. Until publish() it keeps what it had.
   *
   * @throws FileError ERR_FILE_NOT_WRITABLE, also while another process writes there
   */
  static async open(folder: string, signal: AbortSignal | undefined): Promise<ProbeFolder> {
    const paths = probeFilesIn(folder);
    makeOutputFolder(folder, paths.json);
    await findTarget(paths.json, true);
    const output = await OutputFile.claim(paths.texts, { overwrite: true, signal });
    try {
      return new ProbeFolder(paths, output, await output.create());
    } catch (error) {
      await output.release();
      throw error;
    }
  }

  async add({ item, ...text }: ProbedText): Promise<void> {
    const line = `${JSON.stringify({ ...text, ...item })}\n`;
    this.#lines.push(line);
    this.#held += line.length;
    if (this.#held >= BLOCK) await this.#write();
  }

  /** Replaces the files of an earlier probe. */
  async publish(report: ProbeReport): Promise<void> {
    await this.#write();
    await this.#output.publish(this.#file);
    await writeWhole(this.#paths.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }

  /** To be called at the end, whether it was published or not. */
  async close(): Promise<void> {
    await this.#file.discard();
    await this.#output.release();
  }

  async #write(): Promise<void> {
    const bytes = Buffer.from(this.#lines.join(""));
    this.#lines = [];
    this.#held = 0;
    if (bytes.length === 0) return;
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
  }
}

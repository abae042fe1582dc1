/** Standard output, a pipe or a device, where the output can only be made when all rows are known: they wait in a temporary file. */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesOf } from "./kept-lines.ts";
import { writeAll } from "./library.ts";
import type { Done, Output, Publish } from "./output-types.ts";

export class HeldOutput implements Output {
  readonly isHeld = true;
  readonly isStdout: boolean;
  readonly #output: Output;
  readonly #folder: string;
  readonly #handle: FileHandle;
  #written = 0;

  private constructor(output: Output, folder: string, handle: FileHandle) {
    this.#output = output;
    this.isStdout = output.isStdout;
    this.#folder = folder;
    this.#handle = handle;
  }

  static async open(output: Output): Promise<HeldOutput> {
    const folder = await mkdtemp(join(tmpdir(), "starling-rm-"));
    return new HeldOutput(output, folder, await open(join(folder, "rows"), "wx+", 0o600));
  }

  async write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    await writeAll(this.#handle, bytes, this.#written);
    this.#written += bytes.length;
  }

  async complete(_: Done, publish: Publish | undefined): Promise<void> {
    for await (const bytes of (publish as Publish)(() => linesOf(this.#handle, this.#written)))
      await this.#output.write(bytes);
  }

  async close(): Promise<void> {
    await this.#handle.close();
    await rm(this.#folder, { recursive: true, force: true });
    await this.#output.close();
  }
}

/** A file on a web server, read by ranges: a header costs a few requests, not the whole file. */
import { createHash } from "node:crypto";
import { FileError, HubError } from "../errors.ts";
import { type ByteSource, readExactly } from "../files/byte-source.ts";
import type { Answer, HubClient } from "./client.ts";
import type { Subject } from "./response-errors.ts";
import { TransientError, withRetries } from "./retry.ts";

/** The smallest request: most safetensors headers are smaller. */
const BLOCK_BYTES = 256 * 1024;
/** Blocks that are kept: 4 MiB, the header of a GGUF while it is read again from its start. */
const MAX_BLOCKS = 16;
/** Larger reads are of tensors, which are never read twice. */
const MAX_KEPT_READ_BYTES = BLOCK_BYTES * MAX_BLOCKS;

export interface RemoteFileOptions {
  readonly client: HubClient;
  readonly address: string;
  /** Its name in messages; not the URL, which may contain a signature. */
  readonly path: string;
  readonly subject: Subject;
  /** Where it is known: another size is refused. */
  readonly size?: number;
  readonly signal?: AbortSignal | undefined;
}

export class RemoteFile implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly identity: string;
  readonly #options: RemoteFileOptions;
  readonly #entityTag: string | null;
  /** By number; the one used last is the last. */
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #received: { readonly position: number; readonly length: number; readonly digest: string }[] = [];

  private constructor(options: RemoteFileOptions, first: Part) {
    this.path = options.path;
    this.size = first.total;
    this.#options = options;
    this.#entityTag = first.entityTag;
    this.identity = `${first.total} bytes of ${first.entityTag}`;
    this.#remember(0, first.bytes);
    this.#keep(0, first.bytes);
  }

  /** @throws HubError, for example for a server without range requests */
  static async open(options: RemoteFileOptions): Promise<RemoteFile> {
    // An empty file has no range that could be asked for.
    if (options.size === 0) return new RemoteFile(options, { bytes: new Uint8Array(0), total: 0, entityTag: null });
    const first = await fetchRange(options, 0, BLOCK_BYTES);
    if (options.size !== undefined && first.total !== options.size)
      throw new HubError(
        "ERR_HUB_RESPONSE",
        `${options.path} has ${first.total} bytes where the hub's list names ${options.size}.`,
      );
    return new RemoteFile(options, first);
  }

  async read(position: number, target: Uint8Array): Promise<void> {
    if (position + target.length > this.size)
      throw new FileError(
        "ERR_FILE_NOT_READABLE",
        `The file ${this.path} cannot be read: it ends after ${this.size} bytes.`,
        { file: this.path },
      );
    if (target.length > MAX_KEPT_READ_BYTES) {
      target.set(await this.#fetch(position, target.length));
      return;
    }
    for (let done = 0; done < target.length; ) {
      const at = position + done;
      const number = Math.floor(at / BLOCK_BYTES);
      const last = Math.floor((position + target.length - 1) / BLOCK_BYTES);
      const block = this.#blocks.get(number) ?? (await this.#load(number, last));
      this.#keep(number, block);
      const offset = at - number * BLOCK_BYTES;
      const piece = block.subarray(offset, offset + target.length - done);
      target.set(piece, done);
      done += piece.length;
    }
  }

  /**
   * Ranges come unchecked: a hash is of a whole file. Compares all that was given out with a checked copy.
   *
   * @throws HubError ERR_WRONG_HASH
   */
  async compareWith(whole: ByteSource): Promise<void> {
    for (const { position, length, digest } of this.#received)
      if (digestOf(await readExactly(whole, position, length)) !== digest)
        throw new HubError("ERR_WRONG_HASH", `${this.path} is no longer the file that was partly read: try again.`);
  }

  async close(): Promise<void> {
    this.#blocks.clear();
  }

  /** Loads a block and the missing ones after it, up to `last`, in one request. */
  async #load(number: number, last: number): Promise<Uint8Array> {
    let end = number + 1;
    while (end <= last && !this.#blocks.has(end)) end++;
    const start = number * BLOCK_BYTES;
    const bytes = await this.#fetch(start, Math.min(this.size, end * BLOCK_BYTES) - start);
    for (let i = end - 1; i >= number; i--)
      this.#keep(i, bytes.subarray((i - number) * BLOCK_BYTES, (i - number + 1) * BLOCK_BYTES));
    return bytes.subarray(0, BLOCK_BYTES);
  }

  #keep(number: number, block: Uint8Array): void {
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
  }

  async #fetch(position: number, length: number): Promise<Uint8Array> {
    const { bytes, total, entityTag } = await fetchRange(this.#options, position, length);
    if (total !== this.size || entityTag !== this.#entityTag)
      throw new HubError("ERR_HUB_RESPONSE", `${this.path} changed during the read: try again.`);
    this.#remember(position, bytes);
    return bytes;
  }

  #remember(position: number, bytes: Uint8Array): void {
    this.#received.push({ position, length: bytes.length, digest: digestOf(bytes) });
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

interface Part {
  readonly bytes: Uint8Array;
  /** Bytes of the whole file. */
  readonly total: number;
  readonly entityTag: string | null;
}

/** Fewer than `length` bytes come only at the end of the file. */
function fetchRange(options: RemoteFileOptions, position: number, length: number): Promise<Part> {
  const { client, address, subject, signal } = options;
  const headers = { range: `bytes=${position}-${position + length - 1}` };
  const once = () =>
    client.attempt(address, { subject, headers, signal }, async (answer) => {
      const total = totalOf(answer, position, options);
      const expected = Math.min(length, total - position);
      const bytes = new Uint8Array(expected);
      let done = 0;
      for await (const chunk of answer.chunks()) {
        if (done + chunk.length > expected) throw noRanges(answer, options);
        bytes.set(chunk, done);
        done += chunk.length;
      }
      const { host } = answer;
      if (done < expected)
        throw new TransientError(
          new HubError("ERR_HUB_UNREACHABLE", `${host} repeatedly ends ${subject.what} too early: try again.`),
        );
      return { bytes, total, entityTag: answer.headers.get("etag") };
    });
  return withRetries(once, client.retryPolicy, signal);
}

function totalOf(answer: Answer, position: number, options: RemoteFileOptions): number {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
  if (answer.status !== 206 || Number(from) !== position || !Number.isSafeInteger(Number(total)))
    throw noRanges(answer, options);
  return Number(total);
}

function noRanges({ host }: Answer, { subject }: RemoteFileOptions): HubError {
  return new HubError(
    "ERR_HUB_RESPONSE",
    `${host} does not support range requests for ${subject.what}, which reading only the header needs: download it first.`,
  );
}

/** Downloads one file: resumes where it stopped, and ends with exactly the bytes that the hub's list names. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { HubError } from "../errors.ts";
import { flush } from "../files/flush.ts";
import { pagePath } from "./address.ts";
import { cannotWrite } from "./cache-errors.ts";
import { type Answer, collect, type HubClient, type RequestOptions } from "./client.ts";
import { hashName, startHash } from "./content-hash.ts";
import type { HubFile, Listing } from "./listing.ts";
import { type OnBytes, PartialFile } from "./partial-file.ts";
import type { Subject } from "./response-errors.ts";
import { TransientError, withRetries } from "./retry.ts";

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: OnBytes;
}

/** Attempts that receive less count as failed: a server that disconnects after each byte must not be retried forever. */
const MIN_PROGRESS_BYTES = 256 * 1024;

/** A file of a repository at its commit. */
export function fileAddress(client: HubClient, { repository, commit }: Listing, { path }: HubFile): string {
  const name = path.split("/").map(encodeURIComponent).join("/");
  return `${client.endpoint}/${pagePath(repository)}/resolve/${commit}/${name}`;
}

export function fileSubject({ repository }: Listing, { path }: HubFile): Subject {
  const { id, revision } = repository;
  return { what: `the file ${path} of ${id} at ${revision}`, repository: id, page: pagePath(repository) };
}

/**
 * Downloads to `path`, which may hold a part of the file already. When it returns, all of it is there, has the right
 * hash and is flushed; if it throws, `path` has a part that a later call resumes.
 *
 * @throws HubError ERR_WRONG_HASH when other bytes came: `path` is empty then; FileError; the signal's reason
 */
export async function download(
  client: HubClient,
  listing: Listing,
  file: HubFile,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o666).catch(
    (error) => Promise.reject(cannotWrite(path, error)),
  );
  try {
    const part = new PartialFile(handle, path, file, options.onBytes);
    await part.takeOver(options.signal);
    const hadPart = part.position > 0;
    await fill(client, listing, part, options.signal);
    // An earlier run's part may be damaged, for example by a power cut: then everything is downloaded again.
    if (!part.isRight() && hadPart) {
      await part.beginAnew();
      await fill(client, listing, part, options.signal);
    }
    if (!part.isRight()) {
      await part.beginAnew();
      throw wrongBytes(listing, file);
    }
    await flush(handle).catch((error) => Promise.reject(cannotWrite(path, error)));
  } finally {
    await handle.close();
  }
}

/** A small file, checked in memory. @throws HubError */
export async function fetchWhole(
  client: HubClient,
  listing: Listing,
  file: HubFile,
  signal?: AbortSignal,
): Promise<Buffer> {
  const subject = fileSubject(listing, file);
  const once = () =>
    client.attempt(fileAddress(client, listing, file), { subject, signal }, async (answer) => {
      const bytes = await collect(answer, file.size, subject);
      if (bytes.length < file.size) throw endedEarly(answer.host, bytes.length, file);
      return bytes;
    });
  const bytes = await withRetries(once, client.retryPolicy, signal);
  if (startHash(file.hash, file.size).update(bytes).digest("hex") !== file.hash.hex) throw wrongBytes(listing, file);
  return bytes;
}

async function fill(client: HubClient, listing: Listing, part: PartialFile, signal?: AbortSignal): Promise<void> {
  const { file } = part;
  const subject = fileSubject(listing, file);
  /** The server's own name for what it sends: with another one, it is another file. */
  let entityTag: string | undefined;
  await withRetries(
    async (progressed) => {
      while (part.position < file.size) {
        const headers: Record<string, string> = part.position > 0 ? { range: `bytes=${part.position}-` } : {};
        const options: RequestOptions = { subject, headers, signal };
        await client.attempt(fileAddress(client, listing, file), options, async (answer) => {
          const tag = answer.headers.get("etag") ?? undefined;
          if (entityTag !== undefined && tag !== entityTag) {
            entityTag = undefined;
            await part.beginAnew();
            if (answer.status === 206) return;
          }
          entityTag = tag;
          await receive(answer, part, listing, progressed);
        });
      }
    },
    client.retryPolicy,
    signal,
  );
}

async function receive(answer: Answer, part: PartialFile, listing: Listing, progressed: () => void): Promise<void> {
  const { file } = part;
  const { id } = listing.repository;
  if (file.hash.kind === "sha256" && answer.contentTag?.length === 64 && answer.contentTag !== file.hash.hex)
    throw new HubError(
      "ERR_HUB_RESPONSE",
      `The hub's ${file.path} of ${id} is not the file in its listing; the repository may have just changed: try again.`,
    );
  // A server that does not know ranges sends everything.
  if (answer.status === 200) await beginWhole(answer, part);
  else checkRange(answer, part.position, file);
  for await (const chunk of answer.chunks()) {
    if (part.position + chunk.length > file.size) {
      await part.beginAnew();
      throw new HubError(
        "ERR_WRONG_HASH",
        `${answer.host} sends more than the ${file.size} bytes of ${file.path} of ${id}: it is a different file.`,
      );
    }
    await part.append(chunk);
    if (part.isFurther(MIN_PROGRESS_BYTES)) progressed();
  }
  if (part.position === file.size) return;
  // A body of unknown length that came to its end was all there is; a cut one would have been an error.
  const ended = answer.status === 200 && !answer.headers.has("content-length");
  const { position } = part;
  if (ended) await part.beginAnew();
  throw ended ? otherFile(answer.host, position, part) : endedEarly(answer.host, position, file);
}

/** A proxy's own page also comes with status 200. */
async function beginWhole({ headers, host }: Answer, part: PartialFile): Promise<void> {
  const length = headers.get("content-length");
  const { size } = part.file;
  if (length !== null && Number(length) !== size) throw otherFile(host, length, part);
  await part.beginAnew();
}

function otherFile(host: string, length: number | string, { file: { path, size } }: PartialFile): TransientError {
  const message = `${host} would send ${length} bytes for ${path}, but its size is ${size}: it is a different file.`;
  return new TransientError(new HubError("ERR_HUB_RESPONSE", message));
}

function checkRange({ status, headers, host }: Answer, position: number, { path, size }: HubFile): void {
  const [, from, , total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status !== 206 || Number(from) !== position || (total !== "*" && Number(total) !== size))
    throw new HubError(
      "ERR_HUB_RESPONSE",
      `${host} sent a different range from the one requested: ${path} from byte ${position} of ${size}.`,
    );
}

function endedEarly(host: string, received: number, { path, size }: HubFile): TransientError {
  const message = `${host} repeatedly ended ${path} early, after ${received} of ${size} bytes: try again; the partial download is kept.`;
  return new TransientError(new HubError("ERR_HUB_UNREACHABLE", message));
}

function wrongBytes({ repository: { id } }: Listing, { path, hash }: HubFile): HubError {
  return new HubError(
    "ERR_WRONG_HASH",
    `${path} of ${id} does not match the hub's hash: its ${hashName(hash)} is not ${hash.hex}. The download was discarded; try again.`,
  );
}

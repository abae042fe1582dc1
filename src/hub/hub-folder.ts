/** A repository on the hub as a checkpoint folder: only what is read is downloaded. */
import { unlink } from "node:fs/promises";
import type { CheckpointFolder } from "../checkpoint/folder.ts";
import { HubError } from "../errors.ts";
import { type ByteSource, bytesSource, openFile, renamed } from "../files/byte-source.ts";
import type { DownloadProgress } from "../progress.ts";
import type { Repository } from "./address.ts";
import { HubCache, type MakeLink } from "./cache.ts";
import { checkSpace } from "./cache-errors.ts";
import { HubClient } from "./client.ts";
import { download, fetchWhole, fileAddress, fileSubject } from "./download.ts";
import { type HubFile, type Listing, listRepository } from "./listing.ts";
import type { OnBytes } from "./partial-file.ts";
import { ProgressCounter } from "./progress.ts";
import { RemoteFile } from "./remote-file.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retry.ts";
import type { HubSettings } from "./settings.ts";

/** Files up to this size are fetched whole and checked: configurations, tokenizers, indexes. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

export interface HubFolderOptions {
  readonly client: HubClient;
  readonly listing: Listing;
  readonly cache: HubCache;
  readonly signal?: AbortSignal | undefined;
  /** Called while a whole file is downloaded. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
}

/** What tests change. */
export interface Internals {
  readonly retryPolicy?: RetryPolicy;
  readonly link?: MakeLink;
}

/** Asks the hub for the list of a repository. @throws HubError */
export async function openHubFolder(
  repository: Repository,
  { endpoint, token, cacheFolder }: HubSettings,
  { signal, onDownload }: Pick<HubFolderOptions, "signal" | "onDownload">,
  { retryPolicy = DEFAULT_RETRY_POLICY, link }: Internals = {},
): Promise<HubFolder> {
  const client = new HubClient({ endpoint, token, retryPolicy });
  const listing = await listRepository(client, repository, signal);
  const cache = new HubCache(cacheFolder, repository, link);
  return new HubFolder({ client, listing, cache, signal, onDownload });
}

export class HubFolder implements CheckpointFolder {
  readonly path: string;
  readonly client: HubClient;
  readonly listing: Listing;
  readonly cache: HubCache;
  readonly #signal: AbortSignal | undefined;
  readonly #onDownload: HubFolderOptions["onDownload"];
  /** What was read in part: a whole copy must be the same file. */
  readonly #opened = new Map<string, RemoteFile[]>();

  constructor({ client, listing, cache, signal, onDownload }: HubFolderOptions) {
    const { repository } = listing;
    this.path = `hf:${repository.id}@${repository.revision}`;
    this.client = client;
    this.listing = listing;
    this.cache = cache;
    this.#signal = signal;
    this.#onDownload = onDownload;
  }

  get name(): string {
    return this.listing.repository.id.split("/")[1] as string;
  }

  pathOf(file: string): string {
    return `${this.path}/${file}`;
  }

  async has(file: string): Promise<boolean> {
    return this.listing.files.has(file);
  }

  async list(folder?: string): Promise<readonly string[]> {
    const prefix = folder === undefined ? "" : `${folder}/`;
    const below = [...this.listing.files.keys()].filter((path) => path.startsWith(prefix));
    return below
      .map((path) => path.slice(prefix.length))
      .filter((name) => !name.includes("/"))
      .sort();
  }

  /** @throws HubError ERR_NOT_ON_HUB */
  file(name: string): HubFile {
    const file = this.listing.files.get(name);
    if (file !== undefined) return file;
    const { id, revision } = this.listing.repository;
    throw new HubError("ERR_NOT_ON_HUB", `${id} has no file ${name} at ${revision}.`, { file: this.pathOf(name) });
  }

  async open(name: string): Promise<ByteSource> {
    const { client, listing, cache } = this;
    const signal = this.#signal;
    const file = this.file(name);
    const identity = file.hash.hex;
    const cached = await cache.find(listing.commit, file);
    if (cached !== undefined) return renamed(await openFile(cached), { identity });
    const path = this.pathOf(name);
    if (file.size <= MAX_WHOLE_BYTES)
      return bytesSource(path, identity, await fetchWhole(client, listing, file, signal));
    const [address, subject] = [fileAddress(client, listing, file), fileSubject(listing, file)];
    const remote = await RemoteFile.open({ client, address, path, subject, size: file.size, signal });
    this.#opened.set(name, [...(this.#opened.get(name) ?? []), remote]);
    return renamed(remote, { identity });
  }

  /**
   * A complete, verified copy that is removed when it is closed. Until then it is in the cache as an incomplete file:
   * an interrupted run is resumed, and a pull can use it.
   */
  async openWhole(name: string, stop?: AbortSignal): Promise<ByteSource> {
    const { client, listing, cache } = this;
    const signals = [this.#signal, stop].filter((signal) => signal !== undefined);
    const signal = signals.length > 0 ? AbortSignal.any(signals) : undefined;
    const file = this.file(name);
    const cached = await cache.find(listing.commit, file);
    if (cached !== undefined) return this.#compared(name, await openFile(cached));
    await cache.prepare();
    const lock = await cache.lock(file, { signal, file: file.path });
    try {
      // Another process may have pulled it while we waited.
      const pulled = await cache.find(listing.commit, file);
      if (pulled !== undefined) {
        await lock.release();
        return this.#compared(name, await openFile(pulled));
      }
      const path = cache.incomplete(file);
      await checkSpace(cache.folder, file.size - (await cache.partSize(file)), this.pathOf(name));
      const counter = new ProgressCounter([file], this.#onDownload);
      const onBytes: OnBytes = (bytes, received) => counter.set(file, bytes, received);
      await download(client, listing, file, path, { signal, onBytes });
      const source = await this.#compared(name, await openFile(path));
      const named = renamed(source, { path: this.pathOf(name), identity: file.hash.hex });
      return new TemporaryCopy(named, async () => {
        await unlink(path).catch(() => {});
        await lock.release();
      });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async #compared(name: string, whole: ByteSource): Promise<ByteSource> {
    try {
      for (const remote of this.#opened.get(name) ?? []) await remote.compareWith(whole);
      return whole;
    } catch (error) {
      await whole.close();
      throw error;
    }
  }
}

class TemporaryCopy implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly identity: string;
  readonly #source: ByteSource;
  #remove: (() => Promise<void>) | undefined;

  constructor(source: ByteSource, remove: () => Promise<void>) {
    this.path = source.path;
    this.size = source.size;
    this.identity = source.identity;
    this.#source = source;
    this.#remove = remove;
  }

  read(position: number, target: Uint8Array): Promise<void> {
    return this.#source.read(position, target);
  }

  async close(): Promise<void> {
    const remove = this.#remove;
    this.#remove = undefined;
    if (remove === undefined) return;
    await this.#source.close();
    await remove();
  }
}

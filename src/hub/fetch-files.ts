/** Several files at once, from the hub to the cache. */

import type { DownloadProgress } from "../progress.ts";
import { checkSpace } from "./cache-errors.ts";
import { download } from "./download.ts";
import type { HubFolder } from "./hub-folder.ts";
import type { HubFile } from "./listing.ts";
import { ProgressCounter } from "./progress.ts";

export interface FetchOptions {
  readonly concurrency: number;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads missing `files` to the cache. The first failure stops the others, whose partial downloads are kept.
 *
 * @throws HubError ERR_DISK_FULL before the first byte, and what {@link download} throws
 */
export async function fetchFiles(folder: HubFolder, files: readonly HubFile[], options: FetchOptions): Promise<void> {
  const { cache, listing } = folder;
  const counter = new ProgressCounter(files, options.onProgress);
  const missing: HubFile[] = [];
  for (const file of files) {
    if ((await cache.find(listing.commit, file)) === undefined) missing.push(file);
    else counter.set(file, file.size, 0);
  }
  if (missing.length === 0) return;
  await cache.prepare();
  let needed = 0;
  for (const file of missing) needed += file.size - (await cache.partSize(file));
  await checkSpace(cache.folder, needed, folder.path);
  await inParallel(missing, options, (file, signal) => fetchFile(folder, file, counter, signal));
}

async function fetchFile(
  folder: HubFolder,
  file: HubFile,
  counter: ProgressCounter,
  signal: AbortSignal,
): Promise<void> {
  const { client, cache, listing } = folder;
  const lock = await cache.lock(file, { signal, file: file.path, onWait: () => counter.wait(file) });
  try {
    // Another process, or a file of the same content, may have brought it while we waited.
    if ((await cache.find(listing.commit, file)) === undefined) {
      const onBytes = (bytes: number, received: number) => counter.set(file, bytes, received);
      await download(client, listing, file, cache.incomplete(file), { signal, onBytes });
      await cache.publish(listing.commit, file);
    }
    counter.set(file, file.size, 0);
  } finally {
    await lock.release();
  }
}

/** Runs `work` on all items; returns or throws after every call has ended. */
async function inParallel<T>(
  items: readonly T[],
  { concurrency, signal }: FetchOptions,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  let failure: { readonly error: unknown } | undefined;
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined && !stop.signal.aborted; item = queue.shift()) {
      try {
        await work(item, stop.signal);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  signal?.removeEventListener("abort", onAbort);
  signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
}

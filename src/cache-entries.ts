/** What the cache folder holds: listed, and removed on request. Everything in it is made again when it is needed. */
import { lstat, readdir, realpath, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { defaultCacheFolder } from "./cache-folder.ts";
import { notWritable } from "./files/file-errors.ts";
import { isAbandoned } from "./files/file-lock.ts";
import { openFiles } from "./files/open-files.ts";
import { listIfReadable } from "./files/optional-files.ts";

/** A file of the cache, or a folder of files that are used together. */
export interface CacheEntry {
  /** Absolute. */
  readonly path: string;
  readonly what: CacheKind;
  /** Bytes of all its files. */
  readonly bytes: number;
  /** When it was written to last; milliseconds since 1970. */
  readonly writtenMs: number;
  /** Whether a process uses it, as far as the system tells; such an entry is never removed. */
  readonly inUse: boolean;
}

export type CacheKind = "demonstration model" | "scores" | "features" | "model hashes" | "kernel checks" | "GPU checks";

/** How each kind is named, in the cache folder. Whatever has another name is not ours, and is left alone. */
const KINDS: readonly { readonly what: CacheKind; readonly path: RegExp; readonly files?: RegExp }[] = [
  { what: "demonstration model", path: /^starling-rm-tiny-[0-9a-f]{12}\.\w+\.gguf$/ },
  { what: "scores", path: /^scores\/[0-9a-f]{16}-[0-9a-f]{16}\.jsonl$/ },
  { what: "features", path: /^features\/[0-9a-f-]{16,64}$/, files: /\.features$/ },
  { what: "model hashes", path: /^model-hashes$/, files: /^[0-9a-f]{24}\.json(?:\.[0-9a-f]{12})?$/ },
  { what: "kernel checks", path: /^kernels$/, files: /^[0-9a-f]{24}\.json(?:\.[0-9a-f]{12})?$/ },
  { what: "GPU checks", path: /^probes$/, files: /^[0-9a-f]{24}\.json(?:\.[0-9a-f]{12})?$/ },
];

type OpenFiles = ReturnType<typeof openFiles>;

/** A run appends to its scores and features every few seconds; where the system does not say who uses a file, this does. */
const RECENT_MS = 10 * 60 * 1000;

/** The entries of the cache folder, by kind and name; none where there is no folder. Links are not followed. */
export async function listCache(folder: string = defaultCacheFolder()): Promise<CacheEntry[]> {
  const root = await realpath(folder).catch(() => resolve(folder));
  const open = openFiles();
  const entries: CacheEntry[] = [];
  for (const name of await candidates(root)) {
    const kind = KINDS.find(({ path }) => path.test(name));
    if (kind === undefined) continue;
    const entry = await describe(join(root, ...name.split("/")), kind, open);
    if (entry !== undefined) entries.push(entry);
  }
  const order = KINDS.map(({ what }) => what);
  return entries.sort((a, b) => order.indexOf(a.what) - order.indexOf(b.what) || (a.path < b.path ? -1 : 1));
}

export interface PruneOptions {
  /** Only what was not written to for so long. */
  readonly olderThanMs: number;
  /** Remove nothing. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes entries that no process uses.
 *
 * @returns what was removed, or would be, and what was left because it is in use
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function pruneCache(
  { olderThanMs, dryRun, signal }: PruneOptions,
  folder: string = defaultCacheFolder(),
): Promise<{ readonly removed: CacheEntry[]; readonly kept: CacheEntry[] }> {
  const old = (await listCache(folder)).filter(({ writtenMs }) => Date.now() - writtenMs >= olderThanMs);
  const removed: CacheEntry[] = [];
  const kept: CacheEntry[] = [];
  for (const entry of old) {
    signal?.throwIfAborted();
    // Asked again: another process may have opened it while the others were removed.
    const isFree = !entry.inUse && (dryRun || (await stillFree(entry)));
    (isFree ? removed : kept).push(entry);
    if (isFree && !dryRun) await remove(entry);
  }
  return { removed, kept };
}

async function remove({ path, what }: CacheEntry): Promise<void> {
  const files = KINDS.find((kind) => kind.what === what)?.files;
  try {
    if (files === undefined) await rm(path, { force: true });
    else {
      for (const name of await readdir(path)) if (files.test(name)) await rm(join(path, name), { force: true });
      // A file of another name stays, and so does its folder.
      if ((await readdir(path)).length === 0) await rm(path, { recursive: true });
    }
  } catch (error) {
    throw notWritable(path, error);
  }
}

/** Names in the folder and in the folders of ours in it, with "/". */
async function candidates(root: string): Promise<string[]> {
  const names = listIfReadable(root) ?? [];
  const below = ["scores", "features"].filter((name) => names.includes(name));
  const nested: string[] = [];
  for (const name of below)
    if ((await lstat(join(root, name))).isDirectory())
      nested.push(...(listIfReadable(join(root, name)) ?? []).map((file) => `${name}/${file}`));
  return [...names, ...nested];
}

async function describe(
  path: string,
  { what, files }: (typeof KINDS)[number],
  open: OpenFiles,
): Promise<CacheEntry | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  // A link, or a folder where a file should be, is somebody else's.
  if (stats === undefined || (files === undefined ? !stats.isFile() : !stats.isDirectory())) return undefined;
  if (files === undefined) {
    const inUse = (await isUsed(path, open)) || isBeingWritten(what, stats.mtimeMs, open);
    return { path, what, bytes: stats.size, writtenMs: stats.mtimeMs, inUse };
  }
  let [bytes, writtenMs, inUse, count] = [0, 0, false, 0];
  for (const name of listIfReadable(path) ?? []) {
    const file = join(path, name);
    const found = files.test(name) ? await lstat(file).catch(() => undefined) : undefined;
    if (!found?.isFile()) continue;
    count += 1;
    bytes += found.size;
    writtenMs = Math.max(writtenMs, found.mtimeMs);
    inUse ||= await isUsed(file, open);
  }
  if (count === 0) return undefined;
  return { path, what, bytes, writtenMs, inUse: inUse || isBeingWritten(what, writtenMs, open) };
}

function isBeingWritten(what: CacheKind, writtenMs: number, open: OpenFiles): boolean {
  const appends = what === "scores" || what === "features";
  return appends && open === undefined && Date.now() - writtenMs < RECENT_MS;
}

async function stillFree({ path, what }: CacheEntry): Promise<boolean> {
  const kind = KINDS.find((one) => one.what === what);
  const now = kind === undefined ? undefined : await describe(path, kind, openFiles());
  return now !== undefined && !now.inUse;
}

/** Open in a process, mapped by one, or locked by the one that writes it. */
async function isUsed(path: string, open: OpenFiles): Promise<boolean> {
  if (open?.has(path)) return true;
  const lock = join(dirname(path), `.${basename(path)}.lock`);
  const isLocked = (await lstat(lock).catch(() => undefined)) !== undefined;
  return isLocked && !(await isAbandoned(lock));
}

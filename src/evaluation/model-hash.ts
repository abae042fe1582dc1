/** The SHA-256 of a model file, cached because hashing 20 GB takes a while. */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { join, resolve } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { cacheKey, JsonCache } from "../files/json-cache.ts";
import { OpenedGguf } from "../gguf/opened-gguf.ts";

export interface ModelHashOptions {
  /** Called with the bytes hashed so far and the file size; not called if the hash is cached. */
  readonly onProgress?: (progress: { readonly bytesDone: number; readonly bytesTotal: number }) => void;
  /** Aborts hashing; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Folder for hashes. Default: the package's cache folder. */
  readonly cacheFolder?: string;
}

/** Bytes hashed at a time on the JS thread: about a millisecond. */
const READ_BYTES = 1024 * 1024;
/** Raise when the stored format or its meaning changes. */
const FORMAT = 1;
/** Cached hashes: one per version of a model file. */
const MAX_HASHES = 512;
/**
 * A file modified this recently could change again without a new modification time: file systems round times to up to two
 * seconds (FAT).
 */
const SETTLED_MS = 2000;

/**
 * SHA-256 of a file, or of all parts of a split model one after another; 64 hexadecimal digits. Cached while path, size, inode and times of the file stay the same.
 *
 * @param place a path, or an open file, which stays open; then the hash is of that file even if its path now names another
 * @throws FileError ERR_FILE_NOT_READABLE, or ERR_MODEL_CHANGED if the file changed since it was opened
 */
export async function modelHash(place: string | OpenedGguf, options: ModelHashOptions = {}): Promise<string> {
  options.signal?.throwIfAborted();
  if (typeof place !== "string") return hashOf(place, options);
  const file = await OpenedGguf.open(place);
  try {
    return await hashOf(file, options);
  } finally {
    await file.close();
  }
}

async function hashOf(file: OpenedGguf, options: ModelHashOptions): Promise<string> {
  const { onProgress, signal, cacheFolder = defaultCacheFolder() } = options;
  await file.assertUnchanged();
  const cache = new JsonCache(join(cacheFolder, "model-hashes"), MAX_HASHES);
  const key = keyOf(file.path, file.statuses);
  const known = hashIn(cache.read(key));
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, file.size));
  for (let position = 0; position < file.size; ) {
    signal?.throwIfAborted();
    const bytes = buffer.subarray(0, Math.min(buffer.length, file.size - position));
    await file.read(position, bytes);
    hash.update(bytes);
    position += bytes.length;
    onProgress?.({ bytesDone: position, bytesTotal: file.size });
  }
  const hex = hash.digest("hex");
  // If the file changed meanwhile, the hash belongs to neither version.
  await file.assertUnchanged();
  const latest = Math.max(...file.statuses.map(({ mtimeMs }) => Number(mtimeMs)));
  if (Date.now() - latest > SETTLED_MS) cache.write(key, { sha256: hex });
  return hex;
}

function keyOf(path: string, statuses: readonly BigIntStats[]): string {
  const times = statuses.flatMap(({ size, mtimeNs, ctimeNs, ino, dev }) => [size, mtimeNs, ctimeNs, ino, dev]);
  return cacheKey([FORMAT, resolve(path), ...times.map(String)]);
}

function hashIn(value: unknown): string | undefined {
  const { sha256 } = (value ?? {}) as { sha256?: unknown };
  return typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined;
}

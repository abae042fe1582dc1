/** The hash of a model's file, which takes a while for 20 GB and is therefore remembered. */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { join, resolve } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { cacheKey, JsonCache } from "../files/json-cache.ts";
import { OpenedFile } from "../files/opened-file.ts";

export interface ModelHashOptions {
  /** Called with the bytes that were hashed, and those of the whole file. Not called where the hash is remembered. */
  readonly onProgress?: (progress: { readonly bytesDone: number; readonly bytesTotal: number }) => void;
  /** Stops reading; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Where hashes are remembered; default: the cache folder. */
  readonly cacheFolder?: string;
}

/** What is hashed at once on the JS thread: about a millisecond. */
const READ_BYTES = 1024 * 1024;
/** Raised when what is remembered changes its shape or its meaning. */
const FORMAT = 1;
/** One for each model file and each of its versions. */
const MAX_HASHES = 512;
/**
 * A file that changed this recently may change again without another time: file systems tell times in steps of up to two
 * seconds (FAT).
 */
const SETTLED_MS = 2000;

/**
 * SHA-256 of a file, 64 hexadecimal digits. It is remembered for as long as the file's path, size, inode and time of change
 * stay the same.
 *
 * @param place a path, or the file itself, which stays open: the hash is then of what was opened, whatever is at its path
 * @throws FileError ERR_FILE_NOT_READABLE, or ERR_MODEL_CHANGED when the file changed since it was opened
 */
export async function modelHash(place: string | OpenedFile, options: ModelHashOptions = {}): Promise<string> {
  options.signal?.throwIfAborted();
  if (typeof place !== "string") return hashOf(place, options);
  const file = await OpenedFile.open(place);
  try {
    return await hashOf(file, options);
  } finally {
    await file.close();
  }
}

async function hashOf(file: OpenedFile, options: ModelHashOptions): Promise<string> {
  const { onProgress, signal, cacheFolder = defaultCacheFolder() } = options;
  await file.assertUnchanged();
  const cache = new JsonCache(join(cacheFolder, "model-hashes"), MAX_HASHES);
  const key = keyOf(file.path, file.status);
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
  // Another content at the end than at the beginning: the hash is that of neither.
  await file.assertUnchanged();
  if (Date.now() - Number(file.status.mtimeMs) > SETTLED_MS) cache.write(key, { sha256: hex });
  return hex;
}

function keyOf(path: string, { size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string {
  return cacheKey([FORMAT, resolve(path), ...[size, mtimeNs, ctimeNs, ino, dev].map(String)]);
}

function hashIn(value: unknown): string | undefined {
  const { sha256 } = (value ?? {}) as { sha256?: unknown };
  return typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined;
}

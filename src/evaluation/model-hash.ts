/** The hash of a model's file, which takes a while for 20 GB and is therefore remembered. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { openFile } from "../files/byte-source.ts";
import { rememberText } from "../files/remember.ts";

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
/**
 * A file that changed this recently may change again without another time: file systems tell times in steps of up to two
 * seconds (FAT).
 */
const SETTLED_MS = 2000;

/**
 * SHA-256 of a file, 64 hexadecimal digits. It is remembered for as long as the file's path, size, inode and time of change
 * stay the same.
 *
 * @throws FileError ERR_FILE_NOT_READABLE, also when the file changes while it is read
 */
export async function modelHash(path: string, options: ModelHashOptions = {}): Promise<string> {
  const { onProgress, signal, cacheFolder = defaultCacheFolder() } = options;
  signal?.throwIfAborted();
  const file = await openFile(path);
  try {
    const identity = await identityOf(path);
    const memory = join(cacheFolder, "model-hashes", `${keyOf(identity)}.json`);
    const known = await recall(memory);
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
    const after = await identityOf(path);
    // Another content at the end than at the beginning: the hash is that of neither, and of no use to the next run.
    if (keyOf(after) === keyOf(identity) && Date.now() - identity.changedMs > SETTLED_MS)
      rememberText(memory, JSON.stringify({ sha256: hex }));
    return hex;
  } finally {
    await file.close();
  }
}

interface Identity {
  readonly parts: readonly string[];
  readonly changedMs: number;
}

async function identityOf(path: string): Promise<Identity> {
  const absolute = resolve(path);
  const { size, mtimeNs, ctimeNs, ino, dev, mtimeMs } = await stat(absolute, { bigint: true });
  return { parts: [absolute, ...[size, mtimeNs, ctimeNs, ino, dev].map(String)], changedMs: Number(mtimeMs) };
}

function keyOf({ parts }: Identity): string {
  return createHash("sha256")
    .update(JSON.stringify([FORMAT, ...parts]))
    .digest("hex")
    .slice(0, 32);
}

async function recall(path: string): Promise<string | undefined> {
  try {
    const { sha256 } = JSON.parse(await readFile(path, "utf8"));
    return typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined;
  } catch {
    return undefined;
  }
}

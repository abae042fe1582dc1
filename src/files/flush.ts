/** Waits until what was written is on the disk. */
import { fdatasync, fsync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";

/** The files of Yarn Plug'n'Play's file system cannot be flushed by their own methods. */
const plugAndPlay = process.versions["pnp"] !== undefined;

/** A file's bytes and what the system notes about it. */
export function flush(handle: FileHandle): Promise<void> {
  return plugAndPlay ? promisify(fsync)(handle.fd) : handle.sync();
}

/** A file's bytes. */
export function flushData(handle: FileHandle): Promise<void> {
  return plugAndPlay ? promisify(fdatasync)(handle.fd) : handle.datasync();
}

/** A folder's entries: a rename then survives a power cut. Windows cannot open folders. */
export async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await flush(handle).finally(() => handle.close());
}

import { open } from "node:fs/promises";

/** Flushes a folder's entries: a rename then survives a power cut. Windows cannot open folders. */
export async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

/** A stream as a temporary file, for what is read by position. */
import { randomBytes } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeAtExit } from "../files/at-exit.ts";
import { unwritable } from "../files/file-errors.ts";
import { systemReason } from "../files/system-errors.ts";

export interface SpooledFile {
  readonly path: string;
  remove(): Promise<void>;
}

const NAME_BYTES = 8;
/** Only for this user: it may hold anything. */
const PERMISSIONS = 0o600;

/**
 * @param name the input's name in messages
 * @throws FileError ERR_FILE_NOT_WRITABLE, for example for a full disk; and what the chunks throw
 */
export async function spool(chunks: AsyncIterable<Uint8Array>, name: string): Promise<SpooledFile> {
  const path = join(tmpdir(), `starling-rm-${randomBytes(NAME_BYTES).toString("hex")}`);
  const forget = removeAtExit(path);
  const remove = async () => {
    await unlink(path).catch(() => {});
    forget();
  };
  const notWritten = (error: unknown) =>
    unwritable(path, `${systemReason(error)} (a temporary copy of ${name})`, error);
  try {
    const handle = await open(path, "wx", PERMISSIONS).catch((error: unknown) => {
      throw notWritten(error);
    });
    try {
      for await (const chunk of chunks)
        await handle.writeFile(chunk).catch((error: unknown) => {
          throw notWritten(error);
        });
    } finally {
      await handle.close();
    }
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

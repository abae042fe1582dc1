/** A Unix socket's file stays when its server is killed: the next one replaces it, but not that of one that lives. */
import { lstat, stat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { InvalidInputError } from "../../errors.ts";

/** What sun_path holds before its NUL. libuv cuts what is longer off, and would listen at another path than asked for. */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** @throws InvalidInputError when the path cannot be a socket's, when another server listens there, or when the file is no socket */
export async function freeSocketFile(path: string): Promise<void> {
  // Pipes of Windows are no files, and end with their server.
  if (process.platform === "win32") return;
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES)
    throw refused(
      `The socket's path has ${bytes} bytes, and the system takes ${MAX_PATH_BYTES}: choose a shorter one (${path}).`,
    );
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw refused(`The folder of ${path} does not exist: make it first.`);
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw refused(`${path} exists and is no socket: choose another file.`);
  if (await answers(path)) throw refused(`Another server listens at ${path}: end it, or choose another file.`);
  await unlink(path).catch(() => {});
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // A full backlog is that of a server that lives.
    socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}

function refused(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field: "socket" });
}

/** Electron packs an application into one file, app.asar, out of which the system cannot load libraries. */
import { existsSync } from "node:fs";

/** The same path beside the archive, where packagers put what must be a real file; `path` itself outside of archives. */
export function unpacked(path: string, exists: (path: string) => boolean = existsSync): string {
  const beside = path.replace(/([\\/][^\\/]*\.asar)(?=[\\/])/, "$1.unpacked");
  return beside !== path && exists(beside) ? beside : path;
}

/** The file that an output name leads to, after all links, and the names of its temporary files. */
import { createHash } from "node:crypto";
import { realpath as realpathByName, type Stats } from "node:fs";
import { access, constants, lstat, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { notWritable, unwritable } from "./file-errors.ts";
import { ifExists } from "./optional-files.ts";
import { isMissing } from "./system-errors.ts";
import { windowsNameProblem, withoutLongForm } from "./windows.ts";

export interface Target {
  /** The name the user gave. */
  readonly name: string;
  /** The same for every name of this file: absolute, without links. */
  readonly path: string;
  /** The existing file, if any. */
  readonly there: Stats | undefined;
}

/** Windows replaces no file without it. */
const OWNER_WRITES = 0o200;
const findRealPath = promisify(realpathByName);
/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Resolves the target before any work. Links are followed, even if their target does not exist yet.
 *
 * @param inPlace whether a file that is there is written to, and not another put in its place
 * @throws FileError ERR_FILE_NOT_WRITABLE when something is there and must not be replaced, or is a folder, a pipe or a
 *   device; when the folder is not there, or closed to this user
 */
export async function findTarget(name: string, overwrite: boolean, inPlace = false): Promise<Target> {
  const problem = process.platform === "win32" ? windowsNameProblem(basename(resolve(name))) : undefined;
  if (problem !== undefined) throw unwritable(name, problem);
  try {
    const there = await ifExists(stat(name));
    if (there?.isFile() === false) throw unwritable(name, `it is ${kindOf(there)}; give the name of a regular file`);
    if (there !== undefined && overwrite && process.platform === "win32" && (there.mode & OWNER_WRITES) === 0)
      throw unwritable(name, `it is read-only; \`attrib -r\` allows it to be replaced`);
    const path = there === undefined ? await followLinks(absolute(name)) : await realPath(name);
    if (there !== undefined && !overwrite) throw Object.assign(new Error("exists"), { code: "EEXIST" });
    await access(there !== undefined && inPlace ? path : dirname(path), constants.W_OK);
    return { name, path, there };
  } catch (error) {
    throw notWritable(name, error);
  }
}

function absolute(name: string): string {
  return process.platform === "win32" ? withoutLongForm(resolve(name)) : resolve(name);
}

/** Windows does not tell the real path on some drives (in memory, by `subst`) and, under Wine, of long paths: Node then finds it. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (process.platform !== "win32" || isMissing(error)) throw error;
    return findRealPath(path);
  }
}

/** Where a link leads of which the last part is not there. */
async function followLinks(from: string): Promise<string> {
  let path = from;
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = await realPath(dirname(path));
    path = join(folder, basename(path));
    const found = await ifExists(lstat(path));
    if (found?.isSymbolicLink() !== true) return path;
    path = resolve(folder, await readlink(path));
  }
  throw Object.assign(new Error("too many links"), { code: "ELOOP" });
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

/** A file system's longest name has 255 bytes; ours need some after the target's. */
const MAX_NAME_BYTES = 200;
const DIGEST_CHARACTERS = 16;

/** A hidden name beside the target, which every run for this target finds again. */
export function besideTarget(path: string, suffix: string): string {
  const name = basename(path);
  const digest = () => createHash("sha256").update(name).digest("hex").slice(0, DIGEST_CHARACTERS);
  return join(dirname(path), `.${Buffer.byteLength(name) > MAX_NAME_BYTES ? digest() : name}${suffix}`);
}

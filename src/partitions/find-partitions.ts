/** The partitions of an input: its files, and their names below the folder that was given. */
import { realpath, stat } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import type { FileError } from "../errors.ts";
import { readError } from "../files/file-errors.ts";
import type { DatasetOptions } from "../hub/dataset-files.ts";
import { findFiles } from "../inputs/find-files.ts";

export interface Partition {
  /** Below its folder, with "/" between folders: "sub/part-0001.jsonl". */
  readonly name: string;
  /** Its name in messages: the path, or "hf:OWNER/NAME@COMMIT/PATH". */
  readonly file: string;
  /** Where it is. */
  readonly path: string;
  /** 0 for what cannot be read. */
  readonly bytes: number;
}

export interface FindOptions extends DatasetOptions {
  /** The folder of the results: where it is in the folder of an input, its files are no inputs. */
  readonly except: string;
}

/**
 * In the order of the inputs, each sorted by name.
 *
 * @throws FileError for a folder or pattern without files, and where none of the files is there; HubError. Does not open the
 *     files yet.
 */
export async function findPartitions(
  inputs: readonly string[],
  { except, ...options }: FindOptions,
): Promise<readonly Partition[]> {
  const results = await realpath(except).catch(() => undefined);
  const found: Partition[] = [];
  let notThere: FileError | undefined;
  let isAnyThere = false;
  for (const input of inputs) {
    const folder = await folderOf(input);
    const real = folder === undefined ? undefined : await realPath(folder);
    // Unless it is the folder of the results itself, or in it. A link may lead there from anywhere.
    const leavesOut = results !== undefined && real !== undefined && real !== results && !isBelow(real, results);
    for (const { name: file, path } of await findFiles([input], options)) {
      if (leavesOut && isBelow(await realPath(path), results)) continue;
      const stats = await stat(path).catch((error: unknown) => {
        notThere ??= readError(file, error);
      });
      isAnyThere ||= stats !== undefined;
      found.push({ name: nameOf(folder, file, path), file, path, bytes: stats?.isFile() ? stats.size : 0 });
    }
  }
  // One that is not there fails by itself. If none is, the names are wrong.
  if (!isAnyThere && notThere !== undefined) throw notThere;
  return found;
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

const realPath = (path: string) => realpath(path).catch(() => path);

/** The folder that an input names, by itself or in a pattern; undefined for a file. */
async function folderOf(input: string): Promise<string | undefined> {
  if (input.startsWith("hf:")) return undefined;
  const stats = await stat(input).catch(() => undefined);
  if (stats !== undefined) return stats.isDirectory() ? input : undefined;
  return /[*?[\]{}]/.test(input) ? folderOfPattern(input) : undefined;
}

function nameOf(folder: string | undefined, file: string, path: string): string {
  const [, onHub] = /^hf:[^@]*@[^/]*\/(.+)$/s.exec(file) ?? [];
  if (onHub !== undefined) return onHub;
  return folder === undefined ? basename(path) : relative(folder, path).split(sep).join("/");
}

/** What comes before the first part with a wildcard. */
export function folderOfPattern(pattern: string): string {
  const parts = (process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern).split("/");
  const first = parts.findIndex((part) => /[*?[\]{}]/.test(part));
  const folder = parts.slice(0, first).join("/");
  return folder === "" && pattern.startsWith("/") ? "/" : folder || ".";
}

/** The files that inputs name: files, folders, patterns, data sets on the hub, standard input. */
import { type Dirent, readdir as readdirWithCallback } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, sep, win32 } from "node:path";
import { FileError } from "../errors.ts";
import { isMissing, systemReason } from "../files/system-errors.ts";
import { urlReason } from "../files/url-advice.ts";
import { isHubSpec, parseDatasetSpec } from "../hub/address.ts";
import type { DatasetOptions, fetchDataset } from "../hub/dataset-files.ts";
import { aString } from "../options.ts";
import { STANDARD_INPUT_NAME } from "../rows/damaged.ts";
import { isDataFile } from "../rows/format.ts";
import { STANDARD_INPUT } from "./open-input.ts";
import { arrowProblem } from "./saved-datasets.ts";
import { isUnreadData, unreadProblem } from "./unread-data.ts";

export interface InputFile {
  /** Its name in messages: the path, or "hf:OWNER/NAME@COMMIT/PATH". */
  readonly name: string;
  /** Where it is; "-" for standard input. */
  readonly path: string;
}

/** Whether a value is one or more inputs for findFiles(). */
export function areInputs(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((input) => aString(input) === undefined);
}

/**
 * Finds the files, in the order of the inputs; those of one folder or pattern are sorted by name. Files of data sets are
 * downloaded. A name with "*" is a pattern only where no file has it.
 *
 * @throws FileError for a folder or pattern without files, HubError. Does not open the files yet.
 */
export async function findFiles(
  inputs: readonly string[],
  options: DatasetOptions = {},
): Promise<readonly InputFile[]> {
  const found: InputFile[] = [];
  for (const input of inputs) found.push(...(await filesOf(input, options)));
  return found;
}

async function filesOf(input: string, options: DatasetOptions): Promise<readonly InputFile[]> {
  if (input === STANDARD_INPUT) return [{ name: STANDARD_INPUT_NAME, path: input }];
  if (isHubSpec(input)) {
    const { repository, path } = parseDatasetSpec(input);
    return datasetFiles(repository, path === undefined ? undefined : [path], options);
  }
  const there = await stat(input).catch(() => undefined);
  if (there === undefined && isPattern(input) && urlReason(input) === undefined) return matching(input);
  return there?.isDirectory() ? below(input) : [{ name: input, path: input }];
}

/** Files of a data set on the hub: parameters and errors are those of {@link fetchDataset}. */
export async function datasetFiles(
  ...[repository, ...rest]: Parameters<typeof fetchDataset>
): Promise<readonly InputFile[]> {
  // Loaded when it is needed: most runs do without the hub.
  const { fetchDataset: fetchFiles } = await import("../hub/dataset-files.ts");
  const { commit, files } = await fetchFiles(repository, ...rest);
  return files.map(({ path, local }) => ({ name: `hf:${repository.id}@${commit}/${path}`, path: local }));
}

function isPattern(input: string): boolean {
  return /[*?[\]{}]/.test(input);
}

/**
 * All data files in a folder and the folders in it, also those that symbolic links lead to; not hidden ones.
 *
 * @param readFolder is readdir(), or stands for it in tests
 */
export async function below(folder: string, readFolder = readdir): Promise<readonly InputFile[]> {
  const content = await readBelow(folder, readFolder);
  const { paths, unread } = content.links.length === 0 ? content : await withLinked(folder, content, readFolder);
  const problem = arrowProblem(folder, paths, unread) ?? unreadProblem(paths, unread);
  if (problem !== undefined) throw none(folder, problem);
  if (paths.length > 0) return sorted(paths);
  throw none(folder, "is a folder without data files (.jsonl, .json, .csv, .tsv, .parquet, also .gz, .zst and .xz)");
}

interface FolderContent {
  /** Data files, and links with the name of one. */
  readonly paths: readonly string[];
  /** The same of data in formats that are not read. */
  readonly unread: readonly string[];
  readonly links: readonly string[];
  /** Those in the folder. */
  readonly folders: readonly string[];
}

async function readBelow(folder: string, readFolder: typeof readdir): Promise<FolderContent> {
  const entries = await readFolder(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    const { path = folder } = cause as NodeJS.ErrnoException;
    throw folderNotReadable(path, cause);
  });
  const shown = entries
    .map((entry) => ({ entry, path: join(entry.parentPath ?? entry.path, entry.name) }))
    .filter(({ path }) => !/[\\/]\./.test(path.slice(folder.length)));
  const pathsOf = (which: (entry: Dirent) => boolean) =>
    shown.filter(({ entry }) => which(entry)).map(({ path }) => path);
  return {
    paths: pathsOf((entry) => !entry.isDirectory() && isDataFile(entry.name)),
    unread: pathsOf((entry) => !entry.isDirectory() && isUnreadData(entry.name)),
    links: pathsOf((entry) => entry.isSymbolicLink()),
    folders: pathsOf((entry) => entry.isDirectory()),
  };
}

/**
 * Also the files of folders that links lead to. Each folder counts once, under its own name if it has one below `start`: a link
 * such as "latest" would give its rows twice. A link to a folder around `start` is a loop.
 */
async function withLinked(
  start: string,
  content: FolderContent,
  readFolder: typeof readdir,
): Promise<Pick<FolderContent, "paths" | "unread">> {
  const root = await realpath(start);
  const seen = new Set<string>();
  const toFolders = new Set<string>();
  const paths: string[] = [];
  const unread: string[] = [];
  const links: string[] = [];
  const add = async ({ folders, ...more }: FolderContent) => {
    const known = new Set<string>();
    for (const folder of folders) {
      const real = await realpath(folder);
      if (seen.has(real)) known.add(folder);
      seen.add(real);
    }
    const isNew = (path: string) => !known.has(dirname(path));
    paths.push(...more.paths.filter(isNew));
    unread.push(...more.unread.filter(isNew));
    links.push(...more.links.filter(isNew).sort());
  };
  await add({ ...content, folders: [start, ...content.folders] });
  for (let link = links.shift(); link !== undefined; link = links.shift()) {
    const target = await realpath(link).catch(() => undefined);
    // A link to a file is an input like a file, and one to nothing fails when it is opened.
    if (target === undefined || !(await stat(target)).isDirectory()) continue;
    toFolders.add(link);
    if (seen.has(target) || root.startsWith(target.endsWith(sep) ? target : target + sep)) continue;
    const linked = await readBelow(link, readFolder);
    await add({ ...linked, folders: [link, ...linked.folders] });
  }
  const isFile = (path: string) => !toFolders.has(path);
  return { paths: paths.filter(isFile), unread: unread.filter(isFile) };
}

/** A folder that cannot be read may hold what the pattern matches: leaving it out would lose rows. */
export async function matching(pattern: string, readFolder = readdirWithCallback): Promise<readonly InputFile[]> {
  const { glob } = await import("tinyglobby");
  let denied: FileError | undefined;
  const noting = (path: string, options: { withFileTypes: true }, done: ReadDone) =>
    readFolder(path, options, (error, entries) => {
      if (error !== null && !isMissing(error)) denied ??= folderNotReadable(path, error);
      done(error, entries);
    });
  const share = process.platform === "win32" ? shareOf(pattern) : "";
  // A backslash quotes a character in a pattern, and separates folders on Windows.
  const portable = process.platform === "win32" ? pattern.slice(share.length).replaceAll("\\", "/") : pattern;
  const options = {
    expandDirectories: false,
    fs: { readdir: noting as typeof readdirWithCallback },
    absolute: /^(?:\/|[A-Za-z]:)/.test(portable),
  };
  const paths =
    share === ""
      ? await glob(portable, options)
      : (await glob(portable, { ...options, cwd: share })).map((path) => win32.join(share, path));
  if (denied !== undefined) throw denied;
  if (paths.length > 0) return sorted(paths);
  throw none(pattern, "does not exist, and no file matches it");
}

/**
 * The Windows share or long-form drive that a pattern begins with, such as "\\\\server\\share\\"; "" if none. Its two leading
 * separators would be one to the glob, and the "?" of a long form a wildcard.
 */
function shareOf(pattern: string): string {
  const { root } = win32.parse(pattern);
  return /^[\\/]{2}/.test(root) ? root : "";
}

function sorted(paths: readonly string[]): readonly InputFile[] {
  return [...paths].sort((a, b) => (a < b ? -1 : 1)).map((path) => ({ name: path, path }));
}

type ReadDone = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

function folderNotReadable(folder: string, cause: unknown): FileError {
  const message = `The folder ${folder} cannot be read: ${systemReason(cause)}.`;
  return new FileError("ERR_FILE_NOT_READABLE", message, { file: folder, cause });
}

function none(name: string, problem: string): FileError {
  return new FileError("ERR_FILE_NOT_READABLE", `${name} ${problem}.`, { file: name });
}

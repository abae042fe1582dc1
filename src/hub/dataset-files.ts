/** Single files of a data set on the hub, in the cache. */
import { HubError } from "../errors.ts";
import type { DownloadProgress } from "../progress.ts";
import { isDataFile } from "../rows/format.ts";
import { firstNames, isCommit, type Repository } from "./address.ts";
import { HubCache } from "./cache.ts";
import { fetchFiles } from "./fetch-files.ts";
import { type Internals, openHubFolder } from "./hub-folder.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.ts";

export interface DatasetOptions extends HubOptions {
  /** Reports the phase "downloading". */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Stops promptly; partial downloads are kept, and a later call resumes them. */
  readonly signal?: AbortSignal | undefined;
}

export interface DatasetFiles {
  /** The commit that the revision was. */
  readonly commit: string;
  readonly files: readonly {
    /** In the repository. */
    readonly path: string;
    /** In the cache. */
    readonly local: string;
  }[];
}

/** Files that are downloaded at once. */
const CONCURRENCY = 4;

export type DatasetRepository = Repository & { readonly kind: "dataset" };

/**
 * Downloads files to the cache shared with huggingface_hub, or finds them there. Files of a commit never change, so the
 * hub is not asked about them.
 *
 * @param wanted paths, folders or patterns with "*"; undefined: the only data file
 * @throws HubError ERR_NOT_ON_HUB for what is not in the data set, and naming what is; what {@link fetchFiles} throws
 */
export async function fetchDataset(
  repository: DatasetRepository,
  wanted: readonly string[] | undefined,
  options: DatasetOptions = {},
  internals: Internals = {},
): Promise<DatasetFiles> {
  const { onProgress, signal, ...hub } = options;
  const settings = await hubSettings(hub);
  const cached = await fetchedBefore(repository, wanted, settings);
  if (cached !== undefined) return cached;
  const folder = await openHubFolder(repository, settings, { signal }, internals);
  const { cache, listing } = folder;
  const paths = choose([...listing.files.keys()], wanted, repository);
  await fetchFiles(
    folder,
    paths.map((path) => folder.file(path)),
    { concurrency: CONCURRENCY, onProgress, signal },
  );
  await cache.writeRef(repository.revision, listing.commit);
  const local = (path: string) => cache.snapshotFile(listing.commit, { path });
  return { commit: listing.commit, files: paths.map((path) => ({ path, local: local(path) })) };
}

/** Cached files of a commit, or offline of any revision. The cache may lack some matches of a pattern: accepted only offline. */
async function fetchedBefore(
  repository: DatasetRepository,
  wanted: readonly string[] | undefined,
  { cacheFolder, offline }: HubSettings,
): Promise<DatasetFiles | undefined> {
  const { id, revision } = repository;
  const isExact = isCommit(revision) && wanted?.every((path) => isDataFile(path) && !path.includes("*"));
  if (!offline && !isExact) return undefined;
  const cache = new HubCache(cacheFolder, repository);
  const commit = await cache.readRef(revision);
  const there = commit === undefined ? [] : await cache.filesOf(commit);
  if (!offline && !wanted?.every((path) => there.includes(path))) return undefined;
  try {
    if (commit === undefined) throw new HubError("ERR_NOT_ON_HUB", "It was never downloaded.");
    const paths = choose(there, wanted, repository);
    return { commit, files: paths.map((path) => ({ path, local: cache.snapshotFile(commit, { path }) })) };
  } catch (cause) {
    throw new HubError(
      "ERR_HUB_UNREACHABLE",
      `HF_HUB_OFFLINE is set, and the cache ${cacheFolder} does not have the requested files of ${id} at ${revision}: unset it.`,
      { cause },
    );
  }
}

function choose(
  there: readonly string[],
  wanted: readonly string[] | undefined,
  repository: DatasetRepository,
): string[] {
  const data = there.filter((path) => isDataFile(path)).sort();
  const { id, revision } = repository;
  const named = firstNames(data);
  if (wanted === undefined) {
    if (data.length === 1) return data;
    const what =
      data.length === 0
        ? "no file with rows in a supported format"
        : `several files: name one or a folder of them (${named})`;
    throw new HubError("ERR_NOT_ON_HUB", `The data set ${id} has ${what} at ${revision}.`);
  }
  const chosen = wanted.flatMap((pattern) => {
    // A file given by name may have any extension.
    const found = there.includes(pattern) ? [pattern] : data.filter((path) => matches(path, pattern));
    if (found.length > 0) return found;
    const hint = data.length === 0 ? "" : ` It has ${named}.`;
    throw new HubError(
      "ERR_NOT_ON_HUB",
      `The data set ${id} has no ${pattern} to read rows from at ${revision}.${hint}`,
    );
  });
  return [...new Set(chosen)];
}

/** The pattern, or something in a folder that it names. */
function matches(path: string, pattern: string): boolean {
  const [parts, wanted] = [path.split("/"), pattern.split("/")];
  return wanted.length <= parts.length && wanted.every((part, i) => matchesName(parts[i] as string, part));
}

/** Without a regular expression, which many stars could make exponential. */
function matchesName(name: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return name === pattern;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  const last = rest.pop() as string;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

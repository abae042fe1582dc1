/** Downloads the files of a checkpoint to the cache, several in parallel, all verified. */
import { stat } from "node:fs/promises";
import { MAX_DOWNLOADS } from "../bounds.ts";
import { adapterWeights } from "../checkpoint/adapted-folder.ts";
import { ADAPTER_CONFIG } from "../checkpoint/adapter-config.ts";
import { templateFiles } from "../checkpoint/chat-template-file.ts";
import { type CheckpointFolder, openLocalFolder } from "../checkpoint/folder.ts";
import { TOKENIZER_FILES } from "../checkpoint/overlay-folder.ts";
import { findWeightFiles } from "../checkpoint/shard-index.ts";
import { HubError } from "../errors.ts";
import { aFunction, anInteger, aSignal, aString, checkOptions, takesOnlyOptions } from "../options.ts";
import type { DownloadProgress } from "../progress.ts";
import { parseRepository, type Repository } from "./address.ts";
import { HubCache } from "./cache.ts";
import { fetchFiles } from "./fetch-files.ts";
import { type Internals, openHubFolder } from "./hub-folder.ts";
import { type HubOptions, type HubSettings, hubChecks, hubSettings } from "./settings.ts";

/** Options of pull(). */
export interface PullOptions extends HubOptions {
  /** "OWNER/NAME" or "hf:OWNER/NAME", optionally with "@REVISION". */
  readonly repository: string;
  /** A branch, tag or commit; default "main". */
  readonly revision?: string | undefined;
  /** Files to download in parallel, 1 to 16; default 4. */
  readonly concurrency?: number | undefined;
  /** Reports the phase "downloading". */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Stops promptly; partial downloads are kept, and a later call resumes them. */
  readonly signal?: AbortSignal | undefined;
}

/** The checkpoint that was downloaded. */
export interface PullResult {
  /** The snapshot in the cache: a checkpoint folder. */
  readonly folder: string;
  /** "OWNER/NAME". */
  readonly repository: string;
  /** The commit that the revision was. */
  readonly commit: string;
  /** Names in the folder. */
  readonly files: readonly string[];
  /** Total size of these files. */
  readonly bytes: number;
}

/** Enough to fill a fast line, few enough to be polite to the hub. */
const DEFAULT_CONCURRENCY = 4;

/** The files of a checkpoint besides its weights; any may be missing. */
const SMALL_FILES = [
  "config.json",
  ADAPTER_CONFIG,
  ...TOKENIZER_FILES,
  "model.safetensors.index.json",
  "pytorch_model.bin.index.json",
];

/**
 * Downloads the checkpoint of a repository to the cache that all Hugging Face tools share, and resumes where an
 * earlier call stopped. Only config, tokenizer and weights come, safetensors where there are any.
 *
 * @throws HubError saying what to do about a gated, private or unknown repository, an unreachable hub, a full disk or
 *   wrong bytes; FileError for a cache that cannot be written to or a repository without weights
 */
export async function pull(options: PullOptions): Promise<PullResult> {
  takesOnlyOptions("pull", arguments);
  return pullWith(options);
}

/** {@link pull}, with parts that tests replace. */
export async function pullWith(options: PullOptions, internals: Internals = {}): Promise<PullResult> {
  options = checkOptions(
    "pull",
    options,
    {
      ...hubChecks,
      repository: aString,
      revision: aString,
      concurrency: anInteger(1, MAX_DOWNLOADS),
      onProgress: aFunction,
      signal: aSignal,
    },
    ["repository"],
  );
  const repository = parseRepository(options.repository, options.revision);
  options.signal?.throwIfAborted();
  const settings = await hubSettings(options);
  if (settings.offline) return pulledBefore(repository, settings);
  const { onProgress, signal, concurrency = DEFAULT_CONCURRENCY } = options;
  const folder = await openHubFolder(repository, settings, { signal }, internals);
  const { cache, listing } = folder;
  const files = (await checkpointFiles(folder)).map((name) => folder.file(name));
  await fetchFiles(folder, files, { concurrency, onProgress, signal });
  await cache.writeRef(repository.revision, listing.commit);
  return {
    folder: cache.snapshot(listing.commit),
    repository: repository.id,
    commit: listing.commit,
    files: files.map(({ path }) => path),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Names of the existing files of a checkpoint or an adapter, also on the hub, where only the index is read. */
async function checkpointFiles(folder: CheckpointFolder): Promise<string[]> {
  const names = new Set(await folder.list());
  const files = names.has(ADAPTER_CONFIG) ? [await adapterWeights(folder)] : (await findWeightFiles(folder)).files;
  const templates = await templateFiles(folder);
  return [...new Set([...SMALL_FILES.filter((name) => names.has(name)), ...templates, ...files])];
}

/** An earlier pull, found without the network. */
async function pulledBefore({ id, revision }: Repository, { cacheFolder }: HubSettings): Promise<PullResult> {
  const cache = new HubCache(cacheFolder, { id });
  const commit = await cache.readRef(revision);
  try {
    if (commit === undefined) throw new HubError("ERR_NOT_ON_HUB", "It was never pulled.");
    const path = cache.snapshot(commit);
    const folder = await openLocalFolder(path);
    const files = await checkpointFiles(folder);
    const sizes = await Promise.all(files.map(async (file) => (await stat(folder.pathOf(file))).size));
    return { folder: path, repository: id, commit, files, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } catch (cause) {
    throw new HubError(
      "ERR_HUB_UNREACHABLE",
      `HF_HUB_OFFLINE is set, and the cache ${cacheFolder} does not contain all of ${id} at ${revision}: unset it to pull the rest.`,
      { cause },
    );
  }
}

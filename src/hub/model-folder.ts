/** Where a model comes from: a local folder, or a repository on the hub. */
import { refuseAdapter } from "../checkpoint/adapter.ts";
import { templateFiles } from "../checkpoint/chat-template-file.ts";
import { type CheckpointFolder, openLocalFolder } from "../checkpoint/folder.ts";
import { OverlayFolder, TOKENIZER_FILES } from "../checkpoint/overlay-folder.ts";
import { HubError } from "../errors.ts";
import { findInCatalogue } from "../profiles/catalogue.ts";
import { isHubSpec, parseRepository } from "./address.ts";
import { HubCache } from "./cache.ts";
import { fetchFiles } from "./fetch-files.ts";
import { type Internals, openHubFolder } from "./hub-folder.ts";
import { type PullOptions, pullWith } from "./pull.ts";
import { hubSettings } from "./settings.ts";

export interface ModelFolderOptions extends Omit<PullOptions, "repository"> {
  /**
   * Download each weight file when it is read and remove it afterwards: at most two are on disk at a time. Default
   * false: pull all of them to the cache first.
   */
  readonly stream?: boolean | undefined;
  /** A folder or "hf:OWNER/NAME" to take the tokenizer's files from; default: those of the checkpoint, or the catalogue's. */
  readonly tokenizer?: string | undefined;
}

export interface ModelFolder {
  readonly folder: CheckpointFolder;
  /** For a repository on the hub: the source recorded in files made from it. */
  readonly source?: { readonly name: string; readonly revision: string };
}

/**
 * Opens a local folder, or a repository on the hub where `spec` begins with "hf:".
 *
 * @throws what {@link pull} throws, and FileError if it is not a folder
 */
export async function openModelFolder(
  spec: string,
  { tokenizer, ...options }: ModelFolderOptions = {},
  internals: Internals = {},
): Promise<ModelFolder> {
  // Small, and so asked for first: a wrong name is known before the weights come.
  const { revision: _, ...common } = options;
  const place = tokenizer ?? usualTokenizer(spec);
  const overlay = place === undefined ? undefined : await openTokenizerFolder(place, common, internals);
  const model = await openWeights(spec, options, internals);
  return overlay === undefined ? model : { ...model, folder: new OverlayFolder(model.folder, overlay) };
}

/** Of a model that is named as the catalogue names it, and whose repository has no tokenizer. */
function usualTokenizer(spec: string): string | undefined {
  const [name = ""] = spec.replace(/^hf:/, "").split("@");
  const tokenizer = isHubSpec(spec) ? findInCatalogue(name)?.tokenizer : undefined;
  return tokenizer === undefined ? undefined : `hf:${tokenizer}`;
}

async function openWeights(
  spec: string,
  { stream = false, ...options }: Omit<ModelFolderOptions, "tokenizer">,
  internals: Internals,
): Promise<ModelFolder> {
  if (!isHubSpec(spec)) return { folder: await openLocalFolder(spec) };
  const repository = parseRepository(spec, options.revision);
  const settings = await hubSettings(options);
  if (!stream || settings.offline) {
    const { folder, commit } = await pullWith({ ...options, repository: spec }, internals, refuseAdapter);
    return { folder: await openLocalFolder(folder), source: { name: repository.id, revision: commit } };
  }
  const { signal, onProgress: onDownload } = options;
  const folder = await openHubFolder(repository, settings, { signal, onDownload }, internals);
  await refuseAdapter(folder);
  return { folder, source: { name: repository.id, revision: folder.listing.commit } };
}

/** Only the tokenizer's files are cached, not the weights. */
async function openTokenizerFolder(
  spec: string,
  { signal, ...options }: Omit<ModelFolderOptions, "tokenizer" | "revision">,
  internals: Internals,
): Promise<CheckpointFolder> {
  if (!isHubSpec(spec)) return openLocalFolder(spec);
  const repository = parseRepository(spec);
  const settings = await hubSettings(options);
  if (settings.offline) return openCached(repository, settings.cacheFolder);
  const folder = await openHubFolder(repository, settings, { signal }, internals);
  const { cache, listing } = folder;
  const tokenizer = TOKENIZER_FILES.filter((name) => listing.files.has(name));
  if (tokenizer.length === 0)
    throw new HubError("ERR_NOT_ON_HUB", `${repository.id} has no tokenizer at ${repository.revision}.`);
  const names = [...tokenizer, ...(await templateFiles(folder))];
  await fetchFiles(
    folder,
    names.map((name) => folder.file(name)),
    { concurrency: names.length, signal },
  );
  await cache.writeRef(repository.revision, listing.commit);
  return openLocalFolder(cache.snapshot(listing.commit));
}

async function openCached(
  repository: { id: string; revision: string },
  cacheFolder: string,
): Promise<CheckpointFolder> {
  const cache = new HubCache(cacheFolder, repository);
  const commit = await cache.readRef(repository.revision);
  if (commit !== undefined) return openLocalFolder(cache.snapshot(commit));
  throw new HubError(
    "ERR_HUB_UNREACHABLE",
    `HF_HUB_OFFLINE is set, and ${repository.id} was never pulled to ${cacheFolder}: unset it.`,
  );
}

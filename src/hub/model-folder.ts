/** Where a model comes from: a local folder, or a repository on the hub. */
import { AdaptedFolder } from "../checkpoint/adapted-folder.ts";
import { ADAPTER_CONFIG, readAdapterConfig } from "../checkpoint/adapter-config.ts";
import { templateFiles } from "../checkpoint/chat-template-file.ts";
import { type CheckpointFolder, openLocalFolder } from "../checkpoint/folder.ts";
import { OverlayFolder, TOKENIZER_FILES } from "../checkpoint/overlay-folder.ts";
import { refuseLoneAdapter } from "../checkpoint/shard-index.ts";
import { HubError, InvalidInputError } from "../errors.ts";
import { findInCatalogue } from "../profiles/catalogue.ts";
import { chooseBase } from "./adapter-base.ts";
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
  /** For an adapter: a folder or "hf:OWNER/NAME" of the model that it adapts; default: what its adapter_config.json names. */
  readonly base?: string | undefined;
}

export interface ModelFolder {
  readonly folder: CheckpointFolder;
  /** For a repository on the hub: the source recorded in files made from it. */
  readonly source?: { readonly name: string; readonly revision: string };
  /** What to say about an adapter's base: sentences. */
  readonly notices?: readonly string[];
}

/**
 * Opens a local folder, or a repository on the hub where `spec` begins with "hf:". One with an adapter (LoRA) is opened with its
 * base, as one checkpoint.
 *
 * @throws what {@link pull} throws, FileError if it is not a folder, and InvalidInputError for a base that no adapter asks for
 */
export async function openModelFolder(
  spec: string,
  { tokenizer, base, ...options }: ModelFolderOptions = {},
  internals: Internals = {},
): Promise<ModelFolder> {
  // Small, and so asked for first: a wrong name is known before the weights come.
  const { revision: _, ...common } = options;
  const place = tokenizer ?? usualTokenizer(spec);
  const overlay = place === undefined ? undefined : await openTokenizerFolder(place, common, internals);
  const model = await openWeights(spec, options, internals);
  if (await model.folder.has(ADAPTER_CONFIG)) return openAdapted(model, { base, overlay, common }, internals);
  await refuseLoneAdapter(model.folder);
  if (base !== undefined)
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `A base was given, but ${spec} is not an adapter: it has no ${ADAPTER_CONFIG}.`,
      { field: "base" },
    );
  return overlay === undefined ? model : { ...model, folder: new OverlayFolder(model.folder, overlay) };
}

/** Of a model that is named as the catalogue names it, and whose repository has no tokenizer. */
function usualTokenizer(spec: string): string | undefined {
  const [name = ""] = spec.replace(/^hf:/, "").split("@");
  const tokenizer = isHubSpec(spec) ? findInCatalogue(name)?.tokenizer : undefined;
  return tokenizer === undefined ? undefined : `hf:${tokenizer}`;
}

interface BaseOptions {
  readonly base: string | undefined;
  readonly overlay: CheckpointFolder | undefined;
  readonly common: Omit<ModelFolderOptions, "tokenizer" | "base" | "revision">;
}

async function openAdapted(
  { folder: adapter, source }: ModelFolder,
  { base, overlay, common }: BaseOptions,
  internals: Internals,
): Promise<ModelFolder> {
  const config = await readAdapterConfig(adapter);
  const name = source?.name.split("/").at(-1) ?? adapter.name;
  const { place, revision, notices } = await chooseBase(base, config, adapter.path);
  const below = await openWeights(place, { ...common, revision }, internals);
  if (await below.folder.has(ADAPTER_CONFIG))
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The base ${place} of ${adapter.path} is an adapter itself: merge it first, and name the result as the base.`,
      { field: "base" },
    );
  const folder = await AdaptedFolder.open(adapter, below.folder, { config, tokenizer: overlay, name });
  return { folder, notices, ...(source === undefined ? {} : { source }) };
}

async function openWeights(
  spec: string,
  { stream = false, ...options }: Omit<ModelFolderOptions, "tokenizer" | "base">,
  internals: Internals,
): Promise<ModelFolder> {
  if (!isHubSpec(spec)) return { folder: await openLocalFolder(spec) };
  const repository = parseRepository(spec, options.revision);
  const settings = await hubSettings(options);
  if (!stream || settings.offline) {
    const { folder, commit } = await pullWith({ ...options, repository: spec }, internals);
    return { folder: await openLocalFolder(folder), source: { name: repository.id, revision: commit } };
  }
  const { signal, onProgress: onDownload } = options;
  const folder = await openHubFolder(repository, settings, { signal, onDownload }, internals);
  const source = { name: repository.id, revision: folder.listing.commit };
  if (!(await folder.has(ADAPTER_CONFIG))) return { folder, source };
  // It is small, and read here and there.
  const { folder: pulled } = await pullWith({ ...options, repository: spec }, internals);
  return { folder: await openLocalFolder(pulled), source };
}

/** Only the tokenizer's files are cached, not the weights. */
async function openTokenizerFolder(
  spec: string,
  { signal, ...options }: Omit<ModelFolderOptions, "tokenizer" | "base" | "revision">,
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

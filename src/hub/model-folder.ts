/** Where a model comes from: a folder here, or a repository on the hub. */
import { type CheckpointFolder, openLocalFolder } from "../checkpoint/folder.ts";
import { isHubSpec, parseRepository } from "./address.ts";
import { type Internals, openHubFolder } from "./hub-folder.ts";
import { type PullOptions, pull } from "./pull.ts";
import { hubSettings } from "./settings.ts";

export interface ModelFolderOptions extends Omit<PullOptions, "repository"> {
  /**
   * Download each weight file when it is read, and remove it afterwards, so that they never lie on the disk together;
   * default false: pull all of them to the cache first.
   */
  readonly stream?: boolean | undefined;
}

export interface ModelFolder {
  readonly folder: CheckpointFolder;
  /** Of a repository on the hub: what is kept in the files that are made of it. */
  readonly source?: { readonly name: string; readonly revision: string };
}

/**
 * Opens a local folder, or a repository on the hub where `spec` begins with "hf:".
 *
 * @throws what {@link pull} throws, and FileError for what is no folder
 */
export async function openModelFolder(
  spec: string,
  { stream = false, ...options }: ModelFolderOptions = {},
  internals: Internals = {},
): Promise<ModelFolder> {
  if (!isHubSpec(spec)) return { folder: await openLocalFolder(spec) };
  const repository = parseRepository(spec, options.revision);
  const settings = await hubSettings(options);
  if (!stream || settings.offline) {
    const { folder, commit } = await pull({ ...options, repository: spec }, internals);
    return { folder: await openLocalFolder(folder), source: { name: repository.id, revision: commit } };
  }
  const { signal, onProgress: onDownload } = options;
  const folder = await openHubFolder(repository, settings, { signal, onDownload }, internals);
  return { folder, source: { name: repository.id, revision: folder.listing.commit } };
}

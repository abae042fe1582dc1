/** One GGUF of a repository on the hub: its header by range, or the whole file in the cache. */
import { stat } from "node:fs/promises";
import { FileError, HubError } from "../errors.ts";
import { type ByteSource, openFile } from "../files/byte-source.ts";
import { JoinedSource } from "../files/joined-source.ts";
import { allPartNames, parsePartName } from "../files/part-names.ts";
import { shellWord } from "../files/shell-word.ts";
import type { DownloadProgress } from "../progress.ts";
import { firstNames, isCommit, parseGgufSpec, parseRepository, type Repository } from "./address.ts";
import { HubCache } from "./cache.ts";
import { fetchFiles } from "./fetch-files.ts";
import { type HubFolder, type Internals, openHubFolder } from "./hub-folder.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.ts";

export interface GgufOptions extends HubOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Looks at the header before anything else of the file is downloaded. */
  readonly check?: ((file: ByteSource) => Promise<unknown>) | undefined;
}

/** Parts of a split GGUF that are downloaded at once. */
const MAX_PARTS_AT_ONCE = 4;
const GGUF = /\.gguf$/i;
/** What vision models bring beside the model. */
const PROJECTOR = /(?:^|[/_.-])mmproj[^/]*$/i;
/** Weights that convert() reads. */
const WEIGHTS = /^[^/]*\.(?:safetensors|bin|pt|pth)$/;

/**
 * Downloads "hf:OWNER/NAME[@REVISION][/FILE.gguf]" to the cache shared with huggingface_hub, resumes where an earlier call
 * stopped, and finds it there the next time. Without a file the repository must have one GGUF only.
 *
 * @returns the path in the cache
 * @throws HubError, also for a repository that is a checkpoint, and what `check` throws
 */
export async function pullGguf(spec: string, options: GgufOptions = {}, internals: Internals = {}): Promise<string> {
  const { signal, onProgress, check, ...hub } = options;
  const wanted = parseSpec(spec);
  const settings = await hubSettings(hub);
  const { repository } = wanted;
  if (settings.offline || (isCommit(repository.revision) && wanted.file !== undefined)) {
    const cached = await pulledBefore(wanted, settings);
    if (cached !== undefined) return cached;
    if (settings.offline) throw notCached(spec, settings);
  }
  const { folder, name } = await chosen(wanted, settings, { signal }, internals);
  const { cache, listing } = folder;
  const file = folder.file(name);
  if (check !== undefined && (await cache.find(listing.commit, file)) === undefined) await looked(folder, name, check);
  const files = partsOf(name).map((each) => folder.file(each));
  await fetchFiles(folder, files, { concurrency: MAX_PARTS_AT_ONCE, onProgress, signal });
  await cache.writeRef(repository.revision, listing.commit);
  return cache.snapshotFile(listing.commit, file);
}

/** Opens the same file; only the ranges that are read are downloaded. */
export async function openRemoteGguf(
  spec: string,
  { signal, ...hub }: Pick<GgufOptions, "signal" | keyof HubOptions> = {},
  internals: Internals = {},
): Promise<ByteSource> {
  const wanted = parseSpec(spec);
  const settings = await hubSettings(hub);
  if (settings.offline) {
    const cached = await pulledBefore(wanted, settings);
    if (cached === undefined) throw notCached(spec, settings);
    return openAll(partsOf(cached), openFile);
  }
  const { folder, name } = await chosen(wanted, settings, { signal }, internals);
  return openFrom(folder, name);
}

/** With all parts of a split one, whichever was named. */
export async function openFrom(folder: HubFolder, name: string): Promise<ByteSource> {
  return openAll(partsOf(name), (each) => folder.open(each));
}

async function openAll(names: readonly string[], open: (name: string) => Promise<ByteSource>): Promise<ByteSource> {
  const sources: ByteSource[] = [];
  try {
    for (const name of names) sources.push(await open(name));
    const [only, ...others] = sources;
    return others.length === 0 ? (only as ByteSource) : new JoinedSource(sources);
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
}

/** A split GGUF's parts in order, or the one file. */
function partsOf(name: string): string[] {
  const part = parsePartName(name);
  return part === undefined ? [name] : allPartNames(part);
}

interface Wanted {
  readonly repository: Repository;
  readonly file: string | undefined;
}

function parseSpec(spec: string): Wanted {
  return parseGgufSpec(spec) ?? { repository: parseRepository(spec), file: undefined };
}

async function chosen(
  { repository, file }: Wanted,
  settings: HubSettings,
  { signal }: Pick<GgufOptions, "signal">,
  internals: Internals,
): Promise<{ readonly folder: HubFolder; readonly name: string }> {
  const folder = await openHubFolder(repository, settings, { signal }, internals);
  return { folder, name: choose([...folder.listing.files.keys()], file, folder.path, repository.id) };
}

async function looked(folder: HubFolder, name: string, check: (file: ByteSource) => Promise<unknown>): Promise<void> {
  const header = await openFrom(folder, name);
  try {
    await check(header);
  } finally {
    await header.close();
  }
}

function choose(there: readonly string[], file: string | undefined, path: string, id: string): string {
  const models = modelsIn(there);
  const listed = firstNames(models);
  if (file !== undefined) {
    if (there.includes(file)) return partsOf(file)[0] as string;
    const hint = models.length === 0 ? withoutGguf(there, path, id) : `It has ${listed}.`;
    throw new HubError("ERR_NOT_ON_HUB", `${path} has no file ${file}. ${hint}`, { file: `${path}/${file}` });
  }
  const [only, second] = models;
  if (only !== undefined && second === undefined) return only;
  const what = only === undefined ? "no GGUF file" : `several GGUF files (${listed})`;
  const hint = only === undefined ? withoutGguf(there, path, id) : `Name one of them: ${path}/${only}.`;
  throw new HubError("ERR_NOT_ON_HUB", `${path} has ${what}. ${hint}`, { file: path });
}

function withoutGguf(there: readonly string[], path: string, id: string): string {
  if (!there.some((name) => WEIGHTS.test(name)))
    return "Expected a repository with a GGUF that `starling-rm convert` made, or with a checkpoint to convert.";
  return `It is a checkpoint: convert it once with \`${convertCommand(path.replace(/@main$/, ""), id, " --stream --resume")}\`, and load that file.`;
}

/** The command that makes a GGUF of a checkpoint: a folder, or a repository on the hub. */
export function convertCommand(place: string, name: string, options = ""): string {
  const [last = "model"] = name.split(/[\\/]/).filter(Boolean).slice(-1);
  return `starling-rm convert ${shellWord(place)} -o ${shellWord(`${last.toLowerCase()}.q4_k_m.gguf`)}${options}`;
}

/** The path in the cache, without asking the hub; undefined: it is not there. */
async function pulledBefore({ repository, file }: Wanted, { cacheFolder }: HubSettings): Promise<string | undefined> {
  const cache = new HubCache(cacheFolder, repository);
  const commit = await cache.readRef(repository.revision);
  if (commit === undefined) return undefined;
  const path = file ?? (await onlyGguf(cache, commit));
  if (path === undefined) return undefined;
  const local = cache.snapshotFile(commit, { path });
  for (const each of partsOf(local)) if (!(await isFileThere(each))) return undefined;
  return partsOf(local)[0];
}

function isFileThere(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

async function onlyGguf(cache: HubCache, commit: string): Promise<string | undefined> {
  const models = modelsIn(await cache.filesOf(commit));
  if (models.length < 2) return models[0];
  throw new FileError(
    "ERR_FILE_NOT_READABLE",
    `${cache.snapshot(commit)} has several GGUF files: name one of ${firstNames(models)}.`,
  );
}

function modelsIn(names: readonly string[]): string[] {
  // Of a split one, the first part names all of it.
  const isFurtherPart = (name: string) => (parsePartName(name)?.number ?? 1) > 1;
  return names.filter((name) => GGUF.test(name) && !PROJECTOR.test(name) && !isFurtherPart(name)).sort();
}

function notCached(spec: string, { cacheFolder }: HubSettings): HubError {
  return new HubError(
    "ERR_HUB_UNREACHABLE",
    `HF_HUB_OFFLINE is set, and the cache ${cacheFolder} does not contain ${spec}: unset it to download the file.`,
  );
}

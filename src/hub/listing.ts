/** What is in a repository, as the hub's list says: names, sizes and hashes at one commit. */
import { HubError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { isCommit, isUsablePath, pagePath, type Repository } from "./address.ts";
import type { HubClient } from "./client.ts";
import type { ContentHash } from "./content-hash.ts";

export interface HubFile {
  /** With "/" between folders. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly hash: ContentHash;
}

export interface Listing {
  readonly repository: Repository;
  /** The commit that the revision named when it was asked. */
  readonly commit: string;
  /** By path; all folders. */
  readonly files: ReadonlyMap<string, HubFile>;
}

/** A checkpoint has some dozens of files, a data set some thousands; the limits keep an endless list from going on. */
const MAX_FILES = 20_000;
/** Files, folders, and anything else. */
const MAX_ENTRIES = 5 * MAX_FILES;
/** The hub puts 1000 entries on a page; others may put fewer. */
const MAX_PAGES = 300;

/**
 * Asks the hub which commit a revision is, and what is in it.
 *
 * @throws HubError
 */
export async function listRepository(
  client: HubClient,
  repository: Repository,
  signal?: AbortSignal,
): Promise<Listing> {
  const { id, revision, kind = "model" } = repository;
  // Loaded when it is needed: most commands do without the hub.
  const { datasetInfo, listFiles, modelInfo } = await import("@huggingface/hub");
  const subject = { what: `${id} at ${revision}`, repository: id, page: pagePath(repository) };
  const fetch = client.fetchFor(subject, signal);
  const common = { hubUrl: client.endpoint, fetch };
  const files = new Map<string, HubFile>();
  let entries = 0;
  try {
    const asked = { name: id, revision, additionalFields: ["sha" as const], ...common };
    const { sha } = await (kind === "dataset" ? datasetInfo(asked) : modelInfo(asked));
    const commit = checkCommit(sha, id);
    for await (const entry of listFiles({
      repo: { type: kind, name: id },
      revision: commit,
      recursive: true,
      ...common,
      fetch: eachPageOnce(fetch, id),
    })) {
      if (++entries > MAX_ENTRIES) throw invalidListing(id, `has more than ${MAX_ENTRIES} entries`);
      if (entry.type !== "file") continue;
      const file = checkEntry(entry, id);
      if (files.has(file.path)) throw invalidListing(id, `names the file ${quote(file.path)} twice`);
      if (isUsablePath(file.path, id)) files.set(file.path, file);
      if (files.size > MAX_FILES) throw invalidListing(id, `has more than ${MAX_FILES} files`);
    }
    return { repository, commit, files };
  } catch (error) {
    signal?.throwIfAborted();
    // The library does not validate the hub's responses.
    throw error instanceof SyntaxError || error instanceof TypeError
      ? invalidListing(id, "cannot be read", error)
      : error;
  }
}

/** Each page links to the next one: a server that links back would cause an endless loop. */
function eachPageOnce(fetch: typeof globalThis.fetch, id: string): typeof globalThis.fetch {
  const asked = new Set<string>();
  return (page, init) => {
    const address = String(page);
    if (asked.has(address)) throw invalidListing(id, "links back to a page already listed");
    if (asked.size === MAX_PAGES) throw invalidListing(id, `has more than ${MAX_PAGES} pages`);
    asked.add(address);
    return fetch(page, init);
  };
}

function checkCommit(sha: unknown, id: string): string {
  if (typeof sha !== "string" || !isCommit(sha)) throw invalidListing(id, "names no commit");
  return sha;
}

function checkEntry(entry: { path: unknown; size: unknown; oid?: unknown; lfs?: unknown }, id: string): HubFile {
  const { path, oid } = entry;
  if (typeof path !== "string") throw invalidListing(id, "has a file without a name");
  const lfs = entry.lfs as { oid?: unknown; size?: unknown } | undefined;
  const size = lfs?.size ?? entry.size;
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalidListing(id, `has no size for ${quote(path)}`);
  const hash: ContentHash = lfs ? { kind: "sha256", hex: hex(lfs.oid, 64) } : { kind: "git", hex: hex(oid, 40) };
  if (hash.hex === "") throw invalidListing(id, `has no hash for ${quote(path)}`);
  return { path, size: size as number, hash };
}

/** The hash is also used as a file name. */
function hex(value: unknown, length: number): string {
  return typeof value === "string" && value.length === length && /^[0-9a-f]+$/.test(value) ? value : "";
}

function invalidListing(id: string, what: string, cause?: unknown): HubError {
  return new HubError("ERR_HUB_RESPONSE", `The hub's answer about ${id} is invalid: the list ${what}.`, { cause });
}

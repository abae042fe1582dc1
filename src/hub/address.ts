/** Parses names of repositories and their files, and rejects names that could lead outside. */
import { HubError, InvalidInputError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { hubSpecOf } from "../files/url-advice.ts";
import { windowsNameProblem } from "../files/windows.ts";
import { findInCatalogue } from "../profiles/catalogue.ts";
import { nearestModels } from "../profiles/nearest-models.ts";

/** A repository at a revision. */
export interface Repository {
  /** "OWNER/NAME". */
  readonly id: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** Undefined: a model. */
  readonly kind?: "model" | "dataset";
}

/** The start of the URLs of its pages and files; data sets have an extra path segment. */
export function pagePath({ id, kind }: Pick<Repository, "id" | "kind">): string {
  return kind === "dataset" ? `datasets/${id}` : id;
}

export const DEFAULT_REVISION = "main";
const PREFIX = "hf:";
/** The hub's own rule for owners and names. */
const NAME = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/;
/** Becomes a path in the cache and part of URLs. */
const REVISION = /^(?!.*(?:\.\.|\/\/|\/\.))[A-Za-z0-9_][A-Za-z0-9._+/-]{0,199}$/;
/** Longest file name of common file systems. */
const MAX_NAME_BYTES = 255;
/** Most names in a message that lists what there is. */
const MAX_LISTED_NAMES = 5;
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a revision is a commit, whose files never change. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** The first names of a list, for a message. */
export function firstNames(names: readonly string[]): string {
  return `${names.slice(0, MAX_LISTED_NAMES).join(", ")}${names.length > MAX_LISTED_NAMES ? ", …" : ""}`;
}

/** Whether it names something on the hub, and not a local path. */
export function isHubSpec(spec: string): boolean {
  return spec.startsWith(PREFIX);
}

/**
 * Reads "OWNER/NAME", "OWNER/NAME@REVISION", or the same with "hf:" before; a name of the catalogue stands for its repository.
 *
 * @param revision what was given beside it; it must not be given twice
 * @throws InvalidInputError
 */
export function parseRepository(spec: string, revision?: string): Repository {
  const text = isHubSpec(spec) ? spec.slice(PREFIX.length) : spec;
  const [given = "", ...rest] = text.split("@");
  const id = findInCatalogue(given)?.repository ?? given;
  const named = rest.length === 0 ? undefined : rest.join("@");
  const parts = id.split("/");
  if (parts.length !== 2 || !parts.every((part) => NAME.test(part)))
    throw invalid(
      parts.length === 1
        ? `Expected OWNER/NAME of a repository on the hub or a name of starling-rm models but received ${quote(spec)}. ${nearestNames(id)}`
        : `Expected OWNER/NAME of a repository on the hub but received ${quote(spec)}${insteadOf(spec)}.`,
    );
  if (named !== undefined && revision !== undefined && named !== revision)
    throw invalid(`The revision of ${quote(spec)} was given twice: name it once.`);
  const wanted = named ?? revision ?? DEFAULT_REVISION;
  if (!REVISION.test(wanted) || wanted.endsWith("/") || wanted.endsWith(".lock"))
    throw invalid(`Expected a branch, tag or commit as the revision of ${id} but received ${quote(wanted)}.`);
  return { id, revision: wanted };
}

/** Reads "hf:OWNER/NAME/FILE.gguf" and "hf:OWNER/NAME@REVISION/FILE.gguf"; undefined for another spec. */
export function parseGgufSpec(spec: string): { readonly repository: Repository; readonly file: string } | undefined {
  const [, id, revision, file] = /^hf:([^/@]+\/[^/@]+)(?:@([^/]+))?\/(.+\.gguf)$/i.exec(spec) ?? [];
  if (id === undefined || file === undefined) return undefined;
  if (escapesFolder(file) || !isPortable(file))
    throw invalid(`Expected the name of a file in ${id} but received ${quote(file)}.`);
  // A revision with slashes can be written as in addresses.
  return { repository: parseRepository(id, revision?.replaceAll(/%2f/gi, "/")), file };
}

/** A data set, and where in it. */
export interface DatasetSpec {
  readonly repository: Repository & { readonly kind: "dataset" };
  readonly isRevisionNamed: boolean;
  /** A file, a folder, or a pattern in which "*" matches anything within one path segment; undefined: not named. */
  readonly path: string | undefined;
}

/**
 * Reads "hf:OWNER/NAME", "hf:OWNER/NAME@REVISION", both also with "/PATH" behind; "hf:datasets/OWNER/NAME" is the same.
 *
 * @throws InvalidInputError
 */
export function parseDatasetSpec(spec: string): DatasetSpec {
  const [, id, revision, rest] = /^hf:(?:datasets\/)?([^/@]+\/[^/@]+)(?:@([^/]+))?(?:\/(.*))?$/.exec(spec) ?? [];
  if (id === undefined)
    throw invalid(
      `Expected hf:OWNER/NAME of a data set on the hub, perhaps with /PATH, but received ${quote(spec)}${insteadOf(spec)}.`,
    );
  const path = rest?.replace(/\/$/, "") || undefined;
  if (path !== undefined && (escapesFolder(path) || !isPortable(path.replaceAll("*", "x"))))
    throw invalid(`Expected the path of a file or folder in ${id} but received ${quote(path)}.`);
  const repository = parseRepository(id, revision?.replaceAll(/%2f/gi, "/"));
  return { repository: { ...repository, kind: "dataset" }, isRevisionNamed: revision !== undefined, path };
}

/**
 * Whether a file of the hub's list can have its name on every system. Others are skipped: no checkpoint needs them.
 *
 * @throws HubError for a name that leads out of the folder it belongs in, which no honest list holds
 */
export function isUsablePath(path: string, repository: string): boolean {
  if (escapesFolder(path))
    throw new HubError(
      "ERR_HUB_RESPONSE",
      `The hub's list of ${repository} contains the file name ${quote(path)}, which could lead out of its folder: nothing was downloaded.`,
    );
  return isPortable(path);
}

/** ".." and ".", an absolute path, a drive letter, or the other separator. */
function escapesFolder(path: string): boolean {
  return /\\|^[A-Za-z]:/.test(path) || path.split("/").some((part) => part === "" || part === "." || part === "..");
}

function isPortable(path: string): boolean {
  return path
    .split("/")
    .every((part) => windowsNameProblem(part) === undefined && Buffer.byteLength(part) <= MAX_NAME_BYTES);
}

/** A sentence about a name that is not in the catalogue. */
function nearestNames(name: string): string {
  const names = nearestModels(name.slice(0, MAX_NAME_BYTES));
  return names.length === 0 ? "starling-rm models lists the names." : `The nearest names: ${names.join(", ")}.`;
}

/** For an address in place of a name. */
function insteadOf(spec: string): string {
  const name = hubSpecOf(spec);
  return name === undefined ? "" : `: write ${name}`;
}

function invalid(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field: "repository" });
}

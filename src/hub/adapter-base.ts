/** Which model an adapter is put on. */
import { stat } from "node:fs/promises";
import { basename, resolve, sep } from "node:path";
import type { AdapterConfig } from "../checkpoint/adapter-config.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { quote } from "../files/byte-source.ts";
import { isHubSpec, parseRepository } from "./address.ts";

export interface AdapterBase {
  /** A folder, or "hf:OWNER/NAME". */
  readonly place: string;
  readonly revision?: string;
  /** What to say about it: sentences. */
  readonly notices: readonly string[];
}

const HUB_NAME = /^[\w.-]+\/[\w.-]+$/;

/**
 * The base that was asked for, or else the one that adapter_config.json names: a folder, or a repository on the hub.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT if it names none
 */
export async function chooseBase(
  asked: string | undefined,
  { base: named, baseRevision, file }: AdapterConfig,
  adapter: string,
): Promise<AdapterBase> {
  if (asked !== undefined) {
    const isOther = named !== undefined && !isSameName(asked, named);
    const notice = `${adapter} was trained on ${named}, and is merged into ${asked}: its scores mean nothing if that is another model`;
    return { place: asked, notices: isOther ? [notice] : [] };
  }
  const field = { field: "base_model_name_or_path" };
  if (named === undefined)
    throw refuse(file, "does not name the adapter's base: name it with the option base (--base).", field);
  if (await isFolder(named)) return { place: named, notices: [`the base is ${named}, as adapter_config.json says`] };
  if (!HUB_NAME.test(named))
    throw refuse(
      file,
      `names ${quote(named)} as the adapter's base, which does not exist here: name it with the option base (--base).`,
      field,
    );
  const place = `hf:${named}`;
  const revision = baseRevision === undefined ? {} : { revision: baseRevision };
  return { place, ...revision, notices: [`the base is ${place}, as adapter_config.json says`] };
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** A local copy of a repository has its name, or is the cache's. */
function isSameName(asked: string, named: string): boolean {
  if (isHubSpec(asked)) return parseRepository(asked).id.toLowerCase() === named.toLowerCase();
  const path = resolve(asked);
  const isCached = path.split(sep).includes(`models--${named.replace("/", "--")}`);
  return isCached || path === resolve(named) || basename(path).toLowerCase() === basename(named).toLowerCase();
}

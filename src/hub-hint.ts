/** Advice for a path that does not exist and looks like the name of a repository on the hub, or of a model of the catalogue. */
import { exists } from "./files/optional-files.ts";
import { findInCatalogue } from "./profiles/catalogue.ts";
import { nearestModels } from "./profiles/nearest-models.ts";

const REPOSITORY = /^[\w.-]+\/[\w.-]+(?:@[\w./-]+|\/.+\.gguf)?$/;

/** A sentence; undefined where it can only be a path: one of its folders exists, or it is a file's. */
export async function hubHint(path: string): Promise<string | undefined> {
  const [first = "", ...rest] = path.split("/");
  if (!REPOSITORY.test(path) || /^\.\.?$/.test(first)) return undefined;
  if ((rest.length === 1 && path.endsWith(".gguf")) || (await exists(first))) return undefined;
  return `A repository on the Hugging Face hub is written hf:${path}.`;
}

/** A sentence for a checkpoint folder that does not exist; undefined where the name is like none of the catalogue. */
export function catalogueHint(path: string): string | undefined {
  if (/[\\/]/.test(path)) return undefined;
  const known = findInCatalogue(path);
  if (known !== undefined) return `The published model of this name is written hf:${known.name}.`;
  const names = nearestModels(path);
  return names.length === 0
    ? undefined
    : `Published models of similar names: ${names.map((name) => `hf:${name}`).join(", ")}.`;
}

/** Advice for a path that does not exist and looks like the name of a repository on the hub. */
import { exists } from "./files/optional-files.ts";

const REPOSITORY = /^[\w.-]+\/[\w.-]+(?:@[\w./-]+|\/.+\.gguf)?$/;

/** A sentence; undefined where it can only be a path: one of its folders exists, or it is a file's. */
export async function hubHint(path: string): Promise<string | undefined> {
  const [first = "", ...rest] = path.split("/");
  if (!REPOSITORY.test(path) || /^\.\.?$/.test(first)) return undefined;
  if ((rest.length === 1 && path.endsWith(".gguf")) || (await exists(first))) return undefined;
  return `A repository on the Hugging Face hub is written hf:${path}.`;
}

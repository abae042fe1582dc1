/** What to write in place of a URL where only files are read. */
import { shellWord } from "./shell-word.ts";
import { isMissing } from "./system-errors.ts";

const HUB = /^(?:https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)|hf:\/)\//i;
/** Pages of the hub that are not of a repository. */
const OTHER_PAGES = [
  "api",
  "spaces",
  "docs",
  "papers",
  "collections",
  "blog",
  "models",
  "tasks",
  "settings",
  "organizations",
];
/** Views of a repository, with a revision behind; other views have none. */
const VIEWS = ["resolve", "blob", "raw", "tree", "blame"];

/**
 * A clause about a path that is a URL; undefined: it is none.
 *
 * @param takesHub whether "hf:…" could be written in its place
 */
export function urlReason(path: string, takesHub = true): string | undefined {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return undefined;
  const spec = takesHub ? hubSpecOf(path) : undefined;
  const advice = spec === undefined ? "download the file first" : `write ${shellWord(spec)}`;
  return `it is a URL, and URLs are not read: ${advice}`;
}

/** The same, where that is why a path was not found. @param cause what opening it threw */
export function missingUrlReason(path: string, cause: unknown, takesHub = true): string | undefined {
  return isMissing(cause) ? urlReason(path, takesHub) : undefined;
}

/** "hf:OWNER/NAME@REVISION/PATH" for the address of a page or a file on the hub, or for "hf://…"; undefined: it is not one. */
export function hubSpecOf(url: string): string | undefined {
  if (!HUB.test(url)) return undefined;
  const path = url.replace(HUB, "").replace(/[?#].*$/s, "");
  const parts = path.split("/").filter((part) => part !== "");
  if (parts[0] === "datasets") parts.shift();
  const [owner = "", name = "", view, revision, ...file] = parts;
  if (name === "" || OTHER_PAGES.includes(owner)) return undefined;
  // As pandas and DuckDB write it: hf://datasets/OWNER/NAME@REVISION/PATH.
  if (/^hf:/i.test(url)) return `hf:${parts.join("/")}`;
  if (view === undefined || !VIEWS.includes(view)) return `hf:${owner}/${name}`;
  const at = revision === undefined || revision === "main" ? "" : `@${revision}`;
  return `hf:${[`${owner}/${name}${at}`, ...file.map(decoded)].join("/")}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `starling-rm cache` */
import { basename, relative, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Action } from "./context.ts";
import { counted } from "./counted.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { byteSize, type CacheEntry, cacheFolder, listCache, pruneCache } from "./library.ts";
import { openOutput } from "./output.ts";
import { propertyTable } from "./table.ts";

interface CacheOptions {
  readonly action: "list" | "prune";
  readonly olderThan?: number;
  readonly all?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

export const cache: Action<CacheOptions> = async (options, { signal }) => {
  const { action, olderThan, all, dryRun = false, json } = options;
  const output = await openOutput();
  if (action === "list") {
    for (const name of ["olderThan", "all", "dryRun"] as const)
      if (options[name] !== undefined)
        throw new UsageError("cache list takes only --json; the other options are for cache prune");
    const entries = await listCache();
    await output.write(json ? `${JSON.stringify({ folder: cacheFolder(), entries }, null, 2)}\n` : listed(entries));
    return EXIT_DONE;
  }
  if (olderThan === undefined && !all)
    throw new UsageError(
      "cache prune needs --older-than AGE, such as 30d, or --all (--dry-run only lists what would be removed)",
    );
  const { removed, kept } = await pruneCache({ olderThanMs: olderThan ?? 0, dryRun, signal });
  const text = json
    ? JSON.stringify({ folder: cacheFolder(), dryRun, removed, kept }, null, 2)
    : [
        `${dryRun ? "would remove" : "removed"} ${counted(removed.length, "entry", "entries")}, ${byteSize(bytesOf(removed))}`,
        ...removed.map((entry) => `  ${nameOf(entry)}`),
        ...kept.map((entry) => `  ${nameOf(entry)} (kept: in use)`),
      ].join("\n");
  await output.write(`${text}\n`);
  return EXIT_DONE;
};

function listed(entries: readonly CacheEntry[]): string {
  const rows = entries.map((entry): [string, string] => [
    nameOf(entry),
    `${byteSize(entry.bytes)}, ${entry.what}, written ${new Date(entry.writtenMs).toISOString().slice(0, 10)}${entry.inUse ? ", in use" : ""}`,
  ]);
  const total = `${cacheFolder()}: ${counted(entries.length, "entry", "entries")}, ${byteSize(bytesOf(entries))}\n`;
  return rows.length === 0 ? total : `${total}${propertyTable(rows)}`;
}

function bytesOf(entries: readonly CacheEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** As in the cache folder; where that is a link, the path without it. */
function nameOf({ path }: CacheEntry): string {
  const name = relative(resolve(cacheFolder()), path);
  return name.startsWith("..") ? basename(path) : name;
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

function age(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("Expected a number with its unit: 12h, 30d or 8w.");
  return Number(count) * (UNITS[unit] as number);
}

export function describeCache(command: Command): Command {
  const argument = command
    .description("List the contents of the cache folder, or remove some of them.")
    .createArgument("<action>", "list or prune")
    .choices(["list", "prune"]);
  return command
    .addArgument(argument)
    .option("--older-than <age>", "prune: remove entries older than this: 12h, 30d, 8w", age)
    .option("--all", "prune: remove all entries")
    .option("--dry-run", "prune: list what would be removed, and remove nothing")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
The cache folder is $STARLING_RM_CACHE, or the system's default for caches. It holds the demonstration model, the scores and
hidden states of earlier runs (from which eval, compare and fit resume), and findings about models and this machine. All of it
is recreated when needed. Entries in use by a running process are never removed, nor are files of other programs.

Downloads from the hub are in Hugging Face's own cache, which "hf cache" manages.

Examples:
  starling-rm cache list
  starling-rm cache prune --older-than 30d --dry-run
  starling-rm cache prune --all`;

/** What decides the bytes of an output: --resume goes on only where all of it is as it was. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { TEXT_OPTIONS } from "./argument-rows.ts";
import { allPartNames, type Fingerprint, packageVersion, parsePartName } from "./library.ts";
import type { Row } from "./row.ts";

/** Options that change nothing in the output, or are looked at by themselves. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...["output", "force", "resume", "quiet", "progress", "threads", "memoryCheck", "mmap", "prefixSharing", "batch"],
  ...["model", "head", "input", ...TEXT_OPTIONS],
]);

interface Run {
  readonly command: string;
  /** As Commander gives them. */
  readonly options: object;
  readonly modelPath: string;
  readonly head: string | undefined;
  /** Files that are read, where they are regular files; others are known by their rows alone. */
  readonly inputs: readonly string[];
}

export async function fingerprint({ command, options, modelPath, head, inputs }: Run): Promise<Fingerprint> {
  const entries: [string, string][] = [
    ["command", command],
    ["version", packageVersion()],
    ["model", await modelContent(modelPath)],
  ];
  if (head !== undefined) entries.push(["head", await contentHash(head)]);
  const contents: string[] = [];
  for (const input of inputs) contents.push(await contentHash(input));
  entries.push(["input", contents.join(" ")]);
  for (const [name, value] of Object.entries(options))
    if (!WITHOUT_EFFECT.has(name) && value !== undefined) entries.push([optionName(name), settingText(value)]);
  return Object.fromEntries(entries);
}

/** Of all parts of a split model. */
async function modelContent(path: string): Promise<string> {
  const name = parsePartName(path);
  const hashes: string[] = [];
  for (const part of name === undefined ? [path] : allPartNames(name)) hashes.push(await contentHash(part));
  return hashes.join(" ");
}

function optionName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function settingText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Up to here all of a file is hashed. */
const MAX_HASHED_WHOLE = 256 * 1024 * 1024;
const BLOCK_BYTES = 1024 * 1024;
/** Of a larger file, all of its beginning: a model's head, tokenizer and template are there, and may be all that differs. */
const HEADER_BYTES = 64 * 1024 * 1024;
/** Of the rest: different weights, or a changed data set, differ nearly everywhere or in length. */
const BLOCKS = 64;

/** Of the size and the content; "" for what is no readable file, which is reported elsewhere. */
async function contentHash(path: string): Promise<string> {
  const handle = await open(path).catch(() => undefined);
  try {
    const stats = await handle?.stat();
    if (handle === undefined || stats?.isFile() !== true) return "";
    return await hashBlocks(handle, stats.size);
  } catch {
    return "";
  } finally {
    await handle?.close();
  }
}

async function hashBlocks(handle: FileHandle, size: number): Promise<string> {
  const hash = createHash("sha256").update(`${size}\n`);
  const sparse =
    size <= MAX_HASHED_WHOLE ? BLOCK_BYTES : Math.floor((size - HEADER_BYTES - BLOCK_BYTES) / (BLOCKS - 1));
  const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size));
  for (let position = 0; position < size; position += position < HEADER_BYTES ? BLOCK_BYTES : sparse) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
  }
  return hash.digest("hex");
}

/** The rows of an input up to some row, as a hash: also where the input is no file. */
export class RowHash {
  readonly #hash = createHash("sha256");

  add({ own, error }: Row): void {
    for (const [name, value] of own) this.#hash.update(name).update("\0").update(value).update("\0");
    this.#hash.update(error === undefined ? "\n" : `${error.message}\n`);
  }

  get hex(): string {
    return this.#hash.copy().digest("hex");
  }
}

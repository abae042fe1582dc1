/** What is written beside each output: that it is whole, and what made it. */
import { open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { READ_WITHOUT_WAITING } from "../files/byte-source.ts";
import type { FileRecord } from "../files/file-record.ts";
import { besideTarget } from "../files/target.ts";

/** Raise when a field changes its meaning. */
export const MANIFEST_FORMAT = 1;
/** A manifest has about 1 KB; that of an evaluation has its worst mistakes, with their texts. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** The longest name that file systems take. */
const MAX_NAME_BYTES = 255;

/** A model or head file. */
export interface ModelRecord {
  /** Its name, without the folder. */
  readonly file: string;
  /** SHA-256 of the file. */
  readonly fingerprint: string;
}

/** What the output depends on, besides the input. */
export interface PartitionRun {
  /** "score", "rank", or "eval" and the benchmark. */
  readonly command: string;
  /** Version of starling-rm. */
  readonly version: string;
  readonly model: ModelRecord;
  readonly head?: ModelRecord;
  /** Options that change numbers or bytes, by name, as given: {"--fields": "id,score"}. */
  readonly settings: Readonly<Record<string, string>>;
}

/** What computed the numbers: recorded, but not compared. */
export interface PartitionEngine {
  /** "cpu", "cuda", "metal" or "vulkan". */
  readonly backend: string;
  /** "exact" or "packed". */
  readonly batchMode: string;
  readonly devices: readonly string[];
  /** llama.cpp's library for the processor. */
  readonly cpuLibrary?: string;
  /** Whether prefill kernels of our own computed anything. */
  readonly ownKernels: boolean;
}

/** What became of the rows. */
export interface PartitionCounts {
  readonly rows: number;
  /** Rows, or objects, that were written. */
  readonly records: number;
  /** Rows that failed. */
  readonly failures: number;
  /** Warnings about rows. */
  readonly warnings: number;
  /** Texts that were truncated. */
  readonly truncated: number;
  /** Tokens that were evaluated. */
  readonly tokens: number;
}

export interface Manifest extends PartitionRun, PartitionCounts {
  readonly format: typeof MANIFEST_FORMAT;
  /** The input's name below its folder, with "/" between folders. */
  readonly partition: string;
  readonly input: FileRecord & { readonly name: string };
  readonly output: FileRecord & { readonly name: string };
  readonly engine: PartitionEngine;
  /** eval: what the report on all partitions needs besides the cases. */
  readonly evaluation?: object;
  readonly seconds: number;
  /** ISO 8601. */
  readonly finished: string;
}

/** Name of the manifest of the output at `path`. Data tools ignore names that begin with "_", and reading a folder again does, too. */
export function manifestPath(path: string): string {
  const name = `_${basename(path)}.manifest`;
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return join(dirname(path), name);
  // A digest, after a dot.
  return join(dirname(path), `_${basename(besideTarget(path, ".manifest")).slice(1)}`);
}

export function isManifestName(name: string): boolean {
  return /^_.+\.manifest$/s.test(name);
}

/** What is at a manifest's path; `newer`: of a version of starling-rm whose manifests this one cannot read. */
export type FoundManifest = Manifest | "missing" | "invalid" | "newer";

/** Never throws: what cannot be read vouches for nothing. */
export async function readManifest(path: string): Promise<FoundManifest> {
  const value = await readSmallJson(path);
  if (value === undefined) return "missing";
  if (!isObject(value)) return "invalid";
  const { format } = value;
  if (typeof format === "number" && format > MANIFEST_FORMAT) return "newer";
  return isManifest(value) ? (value as unknown as Manifest) : "invalid";
}

/** Undefined where nothing is there; null where it is not readable, too large or not JSON. Never waits for a pipe. */
export async function readSmallJson(path: string): Promise<unknown> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (!stats.isFile() || stats.size > MAX_MANIFEST_BYTES) return null;
  const handle = await open(path, READ_WITHOUT_WAITING).catch(() => undefined);
  try {
    return handle === undefined ? null : JSON.parse(await handle.readFile("utf8"));
  } catch {
    return null;
  } finally {
    await handle?.close();
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isHash = (value: unknown) => isText(value) && /^[0-9a-f]{64}$/.test(value);
const isFile = (value: unknown) =>
  isObject(value) &&
  isText(value["name"]) &&
  isCount(value["bytes"]) &&
  isHash(value["sha256"]) &&
  (value["modified"] === undefined || isText(value["modified"]));
const isModel = (value: unknown) => isObject(value) && isText(value["file"]) && isHash(value["fingerprint"]);

/** Whether a value has everything that a {@link PartitionRun} needs. */
export function isRun(value: unknown): value is PartitionRun {
  return (
    isObject(value) &&
    isText(value["command"]) &&
    isText(value["version"]) &&
    isModel(value["model"]) &&
    (value["head"] === undefined || isModel(value["head"])) &&
    isObject(value["settings"]) &&
    Object.values(value["settings"]).every(isText)
  );
}

function isManifest(value: Readonly<Record<string, unknown>>): boolean {
  const { engine, seconds } = value;
  return (
    value["format"] === MANIFEST_FORMAT &&
    isText(value["partition"]) &&
    isRun(value) &&
    isFile(value["input"]) &&
    isFile(value["output"]) &&
    ["rows", "records", "failures", "warnings", "truncated", "tokens"].every((name) => isCount(value[name])) &&
    isObject(engine) &&
    isText(engine["backend"]) &&
    isText(engine["batchMode"]) &&
    Array.isArray(engine["devices"]) &&
    typeof engine["ownKernels"] === "boolean" &&
    typeof seconds === "number" &&
    seconds >= 0 &&
    isText(value["finished"]) &&
    (value["evaluation"] === undefined || isObject(value["evaluation"]))
  );
}

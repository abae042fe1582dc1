/** Whether a GGUF that others made has the trunk and the vocabulary of a checkpoint, as far as its header tells. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { FileError } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import type { GgufHeader, TensorInfo } from "../gguf/header.ts";
import { type GgufValue, valueTypeName } from "../gguf/value.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import type { StringTable } from "../vocabulary/string-table.ts";
import type { TensorJob } from "./plan.ts";

/** The output layer of a language model: scores do not need it, and our files do not have it. */
export const OUTPUT_LAYER = "output.weight";
const TOKENS = "tokenizer.ggml.tokens";
const MERGES = "tokenizer.ggml.merges";
const TYPES = "tokenizer.ggml.token_type";
const ARCHITECTURE = "general.architecture";
/** What llama.cpp takes where a file has no such key. */
const DEFAULTS: Readonly<Record<string, (own: ReadonlyMap<string, GgufValue>, architecture: string) => unknown>> = {
  "rope.freq_base": () => 10_000,
  "attention.head_count_kv": (own, architecture) => own.get(`${architecture}.attention.head_count`)?.value,
};
/** Written for every scorer; what a language model's file says there means nothing. */
const SCORING = ["pooling_type", "attention.causal", "classifier.output_labels"];
/** Keys without effect on the trunk's numbers, and the values that they may have. */
const HARMLESS: Readonly<Record<string, (value: unknown) => boolean>> = {
  "rope.scaling.type": (value) => value === "none",
  "rope.dimension_sections": () => false,
  expert_count: (value) => value === 0,
  expert_used_count: (value) => value === 0,
  // Of the output layer, which scores do not use.
  final_logit_softcapping: () => true,
};

/** One tensor to copy: where it is, and how the checkpoint's becomes it. */
export interface TrunkTensorMatch {
  readonly stored: TensorInfo;
  readonly job: TensorJob;
}

/**
 * @param metadata of the file to make
 * @param jobs every tensor that the checkpoint's trunk has
 * @returns the trunk's tensors, in the file's order
 * @throws FileError ERR_WRONG_HEAD naming the first difference
 */
export function checkTrunkFile(
  gguf: GgufHeader,
  file: string,
  checkpoint: Checkpoint,
  { metadata, jobs }: { readonly metadata: ReadonlyMap<string, GgufValue>; readonly jobs: readonly TensorJob[] },
): TrunkTensorMatch[] {
  const of = checkpoint.folder.path;
  checkHyperparameters(gguf, file, of, metadata);
  checkVocabulary(gguf, file, checkpoint, metadata);
  return matchTensors(gguf, file, of, jobs);
}

export function wrongTrunk(file: string, sentence: string, where: { field?: string; tensor?: string } = {}): FileError {
  return new FileError("ERR_WRONG_HEAD", `The file ${file} ${sentence}`, { file, ...where });
}

function checkHyperparameters(
  { metadata: found }: GgufHeader,
  file: string,
  of: string,
  expected: ReadonlyMap<string, GgufValue>,
): void {
  const [architecture, wanted] = [found.get(ARCHITECTURE)?.value, expected.get(ARCHITECTURE)?.value];
  if (architecture !== wanted)
    throw wrongTrunk(file, `is a ${shown(architecture)}; ${of} is a ${shown(wanted)}.`, { field: ARCHITECTURE });
  const prefix = `${String(wanted)}.`;
  for (const [key, value] of expected) {
    const name = key.slice(prefix.length);
    if (!key.startsWith(prefix) || SCORING.includes(name)) continue;
    const actual = found.get(key)?.value ?? DEFAULTS[name]?.(found, String(wanted));
    // llama.cpp's own converter leaves out what follows from the rest.
    if (actual === undefined || isSame(actual, value.value)) continue;
    throw wrongTrunk(file, `has ${key} = ${shown(actual)}; ${of} has ${shown(value.value)}.`, { field: key });
  }
  for (const [key, { value }] of found) {
    const name = key.slice(prefix.length);
    if (!key.startsWith(prefix) || expected.has(key) || SCORING.includes(name)) continue;
    if (HARMLESS[name]?.(value) !== true)
      throw wrongTrunk(file, `has ${key} = ${shown(value)}, which a trunk of ${of} does not have.`, { field: key });
  }
}

/** Floats are float32 in both. */
function isSame(actual: unknown, expected: unknown): boolean {
  if (typeof actual === "number" && typeof expected === "number") return Math.fround(actual) === Math.fround(expected);
  return actual === expected;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "string" ? quote(value) : typeof value === "object" ? "a list" : String(value);
}

/** llama.cpp's tables have a piece for each row; ids of the checkpoint's tokenizer must name the same rows. */
function checkVocabulary(
  { metadata: found }: GgufHeader,
  file: string,
  { folder }: Checkpoint,
  expected: ReadonlyMap<string, GgufValue>,
): void {
  const [kind, wantedKind] = [found.get("tokenizer.ggml.model")?.value, expected.get("tokenizer.ggml.model")?.value];
  if (kind !== wantedKind)
    throw wrongTrunk(
      file,
      `has a tokenizer of the kind ${shown(kind)}; that of ${folder.path} is ${shown(wantedKind)}.`,
      {
        field: "tokenizer.ggml.model",
      },
    );
  const types = expected.get(TYPES)?.value as Int32Array;
  const tokens = [tableOf(found, file, TOKENS), tableOf(expected, file, TOKENS)] as const;
  compareTables(file, folder.path, TOKENS, tokens, (id, there, wanted) => {
    // Rows without a piece, which each converter names as it likes.
    if (types[id] === PIECE_TYPE.unused) return true;
    // llama.cpp's converter writes spaces into user-defined pieces.
    return types[id] === PIECE_TYPE.userDefined && wantedKind === "llama" && there === wanted.replaceAll("\u2581", " ");
  });
  if (expected.has(MERGES) && found.has(MERGES))
    compareTables(
      file,
      folder.path,
      MERGES,
      [tableOf(found, file, MERGES), tableOf(expected, file, MERGES)],
      () => false,
    );
}

function tableOf(metadata: ReadonlyMap<string, GgufValue>, file: string, key: string): StringTable {
  const value = metadata.get(key);
  if (value?.type === "array" && value.of === "string") return value.value as StringTable;
  throw wrongTrunk(
    file,
    `has ${key} as ${value === undefined ? "nothing" : valueTypeName(value)}; expected an array of string.`,
    {
      field: key,
    },
  );
}

/** @param isSamePiece whether two that are spelled otherwise are the same */
function compareTables(
  file: string,
  of: string,
  key: string,
  [found, wanted]: readonly [StringTable, StringTable],
  isSamePiece: (index: number, found: string, wanted: string) => boolean,
): void {
  const what = key === TOKENS ? "piece" : "merge";
  const length = Math.min(found.length, wanted.length);
  for (let i = 0; i < length; i++) {
    if (Buffer.compare(found.bytesAt(i), wanted.bytesAt(i)) === 0) continue;
    if (isSamePiece(i, found.at(i), wanted.at(i))) continue;
    throw wrongTrunk(file, `has the ${what} ${quote(found.at(i))} at ${i}; ${of} has ${quote(wanted.at(i))} there.`, {
      field: key,
    });
  }
  if (found.length !== wanted.length)
    throw wrongTrunk(file, `has ${found.length} ${what}s; ${of} has ${wanted.length}.`, { field: key });
}

function matchTensors(
  { tensors }: GgufHeader,
  file: string,
  of: string,
  jobs: readonly TensorJob[],
): TrunkTensorMatch[] {
  const missing = new Map(jobs.map((job) => [job.name, job]));
  const matches: TrunkTensorMatch[] = [];
  for (const stored of tensors) {
    if (stored.name === OUTPUT_LAYER) continue;
    const job = missing.get(stored.name);
    if (job === undefined)
      throw wrongTrunk(file, `has the tensor ${quote(stored.name)}, which a trunk of ${of} does not have.`, {
        tensor: stored.name,
      });
    if (stored.dims.join() !== job.dims.join())
      throw wrongTrunk(
        file,
        `gives the tensor ${quote(stored.name)} the dimensions [${stored.dims.join(", ")}]; ${of} has [${job.dims.join(", ")}].`,
        { tensor: stored.name },
      );
    missing.delete(stored.name);
    matches.push({ stored, job });
  }
  const [first] = missing.keys();
  if (first !== undefined)
    throw wrongTrunk(file, `has no tensor ${quote(first)}, which the trunk of ${of} has.`, { tensor: first });
  return matches;
}

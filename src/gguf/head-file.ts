/** A reward head in a file of its own: a GGUF without tensors, of some ten kilobytes. */
import { FileError } from "../errors.ts";
import type { TemporaryFile } from "../files/temporary-file.ts";
import type { NativeTokenizationMode } from "../native/addon.ts";
import { optional, present, text, u32 } from "./entries.ts";
import { Fields } from "./fields.ts";
import { type FitRecord, fitEntries, readFitRecord } from "./fit-record.ts";
import type { GgufHeader } from "./header.ts";
import { readGguf } from "./reader.ts";
import { serializeHeader } from "./serialize.ts";
import {
  BYTE_BPE,
  FORMAT_VERSION,
  HEAD_FILE,
  HEAD_TYPE,
  PROFILE_NAMES,
  type ProfileName,
  STARLING_KEYS,
  TOKENIZATIONS,
} from "./starling-keys.ts";
import type { GgufValue } from "./value.ts";
import { GgufWriter } from "./writer.ts";

export interface HeadFile {
  /** f32[embeddingLength]; all finite. */
  readonly head: Float32Array;
  /** For people. */
  readonly name: string;
  /** The kind of reward model that it is for. */
  readonly profile: ProfileName;
  /** How text became ids when it was fitted. */
  readonly tokenization: NativeTokenizationMode;
  /** The fingerprint of the trunk that it is for; absent where that model has none, and in files of older versions. */
  readonly trunkSha256?: string;
  readonly fit?: FitRecord;
}

const EMBEDDING_LENGTH = "llama.embedding_length";
/** As the longest that a model may have; see llama-metadata.ts. */
const MAX_EMBEDDING_LENGTH = 32_768;

export function isHeadFile({ metadata }: GgufHeader): boolean {
  return metadata.get("general.type")?.value === HEAD_FILE;
}

/** Writes the content of a head file; the caller publishes it. @throws FileError ERR_FILE_NOT_WRITABLE */
export async function writeHeadFile(to: TemporaryFile, content: HeadFile): Promise<void> {
  const { head, name, profile, tokenization, trunkSha256, fit } = content;
  const metadata = new Map<string, GgufValue>([
    // GGUF asks every file for an architecture; it is the model's.
    ["general.architecture", text("llama")],
    ["general.type", text(HEAD_FILE)],
    ["general.name", text(name)],
    [EMBEDDING_LENGTH, u32(head.length)],
    [STARLING_KEYS.formatVersion, u32(FORMAT_VERSION)],
    [STARLING_KEYS.headType, text(HEAD_TYPE)],
    [STARLING_KEYS.profile, text(profile)],
    [STARLING_KEYS.tokenization, text(tokenization)],
    [STARLING_KEYS.headWeight, { type: "array", of: "f32", value: head }],
    ...present([[STARLING_KEYS.trunkSha256, optional(trunkSha256, text)]]),
    ...(fit === undefined ? [] : fitEntries(fit)),
  ]);
  const writer = await GgufWriter.create(to, serializeHeader(metadata, []));
  await writer.finish();
}

/**
 * Reads and checks a head file.
 *
 * @throws FileError ERR_FILE_NOT_READABLE; ERR_WRONG_HEAD for a GGUF of another kind, ERR_INVALID_GGUF naming the key
 */
export async function readHeadFile(path: string): Promise<HeadFile> {
  return describeHeadFile(await readGguf(path), path);
}

/** @throws FileError as {@link readHeadFile} */
export function describeHeadFile(gguf: GgufHeader, path: string): HeadFile {
  if (!isHeadFile(gguf))
    throw new FileError(
      "ERR_WRONG_HEAD",
      `The file ${path} is no head file: it is a whole model, whose own head is used when it is loaded as the model.`,
      { file: path, field: "general.type" },
    );
  const fields = new Fields(gguf, path);
  const version = fields.u32(STARLING_KEYS.formatVersion, 1, 0xffffffff);
  if (version > FORMAT_VERSION)
    throw fields.refuse(
      `was written by a newer starling-rm (format ${version}); this version reads format ${FORMAT_VERSION}: update it.`,
      STARLING_KEYS.formatVersion,
    );
  fields.name(STARLING_KEYS.headType, [HEAD_TYPE]);
  const trunkSha256 = fields.optionalSha256(STARLING_KEYS.trunkSha256);
  const fit = readFitRecord(fields);
  return {
    head: readHead(fields, fields.u32(EMBEDDING_LENGTH, 1, MAX_EMBEDDING_LENGTH)),
    name: fields.optionalString("general.name") ?? "",
    profile: fields.name(STARLING_KEYS.profile, PROFILE_NAMES),
    tokenization: fields.name(STARLING_KEYS.tokenization, [...TOKENIZATIONS, BYTE_BPE]),
    ...(trunkSha256 === undefined ? {} : { trunkSha256 }),
    ...(fit === undefined ? {} : { fit }),
  };
}

/** The reward head among a file's metadata: all finite. */
export function readHead(fields: Fields, length: number): Float32Array {
  const key = STARLING_KEYS.headWeight;
  const head = fields.array(key, "f32", length);
  const bad = head.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) throw fields.refuse(`holds ${head[bad]} at index ${bad} of the reward head.`, key);
  return head;
}

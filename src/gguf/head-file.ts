/** A reward head in its own file: a GGUF without tensors, some ten kilobytes. */

import { FileError } from "../errors.ts";
import type { TemporaryFile } from "../files/temporary-file.ts";
import { PROFILE_NAMES, type ProfileName } from "../profiles/profiles.ts";
import { inputLength, type RewardHead } from "../reward-head.ts";
import { SHAPE_FIELDS } from "../trunk/shape.ts";
import { HEAD_FILE_ARCHITECTURE, shapeKey } from "../trunk/trunks.ts";
import { TOKENIZATION_MODES, type TokenizationMode } from "../vocabulary/tokenization.ts";
import { optional, present, text, u32 } from "./entries.ts";
import { Fields } from "./fields.ts";
import { type FitRecord, fitEntries, readFitRecord } from "./fit-record.ts";
import { formatVersionOf, headEntries, readFormatVersion, readHead } from "./head-metadata.ts";
import type { GgufHeader } from "./header.ts";
import { readGguf } from "./reader.ts";
import { serializeHeader } from "./serialize.ts";
import { HEAD_FILE, STARLING_KEYS } from "./starling-keys.ts";
import type { GgufValue } from "./value.ts";
import { GgufWriter } from "./writer.ts";

export interface HeadFile {
  readonly head: RewardHead;
  /** For people. */
  readonly name: string;
  /** The kind of reward model that it is for. */
  readonly profile: ProfileName;
  /** The tokenization that it was fitted with. */
  readonly tokenization: TokenizationMode;
  /** The fingerprint of the trunk that it is for; absent where that model has none, and in files of older versions. */
  readonly trunkSha256?: string;
  readonly fit?: FitRecord;
}

const EMBEDDING_LENGTH = shapeKey(HEAD_FILE_ARCHITECTURE, "embeddingLength");

export function isHeadFile({ metadata }: GgufHeader): boolean {
  return metadata.get("general.type")?.value === HEAD_FILE;
}

/** Writes the content of a head file; the caller publishes it. @throws FileError ERR_FILE_NOT_WRITABLE */
export async function writeHeadFile(to: TemporaryFile, content: HeadFile): Promise<void> {
  const { head, name, profile, tokenization, trunkSha256, fit } = content;
  const metadata = new Map<string, GgufValue>([
    // GGUF asks every file for an architecture.
    ["general.architecture", text(HEAD_FILE_ARCHITECTURE)],
    ["general.type", text(HEAD_FILE)],
    ["general.name", text(name)],
    [EMBEDDING_LENGTH, u32(inputLength(head))],
    [STARLING_KEYS.formatVersion, u32(formatVersionOf(head))],
    ...headEntries(head),
    [STARLING_KEYS.profile, text(profile)],
    [STARLING_KEYS.tokenization, text(tokenization)],
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
      `The file ${path} is not a head file: it is a whole model, whose own head is used when it is loaded as the model.`,
      { file: path, field: "general.type" },
    );
  const fields = new Fields(gguf, path);
  const version = readFormatVersion(fields, "update it");
  const trunkSha256 = fields.optionalSha256(STARLING_KEYS.trunkSha256);
  const fit = readFitRecord(fields);
  return {
    head: readHead(fields, fields.u32(EMBEDDING_LENGTH, 1, SHAPE_FIELDS.embeddingLength.max), version),
    name: fields.optionalString("general.name") ?? "",
    profile: fields.name(STARLING_KEYS.profile, PROFILE_NAMES),
    tokenization: fields.name(STARLING_KEYS.tokenization, TOKENIZATION_MODES),
    ...(trunkSha256 === undefined ? {} : { trunkSha256 }),
    ...(fit === undefined ? {} : { fit }),
  };
}

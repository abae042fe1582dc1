/** The reward head among a GGUF's metadata, of a model or of a head file. */
import type { RewardHead } from "../reward-head.ts";
import { f32, type MetadataEntry, optional, present, text } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { FORMAT_VERSION, HEAD_TYPE, STARLING_KEYS } from "./starling-keys.ts";

/** Readers of format 1 do not know the bias. They would give scores without it, so they must refuse the file. */
const BIAS_FORMAT = 2;

/** The lowest format whose readers understand the head: files without a bias stay readable by older versions. */
export function formatVersionOf({ bias }: RewardHead): number {
  return bias === undefined ? 1 : BIAS_FORMAT;
}

/** The entries that {@link readHead} reads; the caller writes {@link formatVersionOf} beside them. */
export function headEntries({ weight, bias }: RewardHead): MetadataEntry[] {
  return present([
    [STARLING_KEYS.headType, text(HEAD_TYPE)],
    [STARLING_KEYS.headWeight, { type: "array", of: "f32", value: weight }],
    [STARLING_KEYS.headBias, optional(bias, f32)],
  ]);
}

/**
 * Checks that this version understands the file's format and returns it.
 *
 * @param advice what to do about a newer file
 * @throws FileError ERR_INVALID_GGUF
 */
export function readFormatVersion(fields: Fields, advice: string): number {
  const key = STARLING_KEYS.formatVersion;
  const version = fields.u32(key, 1, 0xffffffff);
  if (version > FORMAT_VERSION)
    throw fields.refuse(
      `was written by a newer starling-rm (format ${version}); this version reads format ${FORMAT_VERSION}: ${advice}.`,
      key,
    );
  return version;
}

/**
 * Reads the head; every number of it is finite.
 *
 * @param length the hidden dimensions of the model
 * @param version the file's format
 * @throws FileError ERR_INVALID_GGUF naming the key
 */
export function readHead(fields: Fields, length: number, version: number): RewardHead {
  fields.name(STARLING_KEYS.headType, [HEAD_TYPE]);
  const key = STARLING_KEYS.headWeight;
  const weight = fields.array(key, "f32", length);
  const bad = weight.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) throw fields.refuse(`contains ${weight[bad]} at index ${bad} of the reward head.`, key);
  if (!fields.has(STARLING_KEYS.headBias)) return { weight };
  const bias = fields.finiteF32(STARLING_KEYS.headBias);
  if (version < BIAS_FORMAT)
    throw fields.refuse(
      `has ${STARLING_KEYS.headBias} in format ${version}, whose readers ignore it; expected format ${BIAS_FORMAT}.`,
      STARLING_KEYS.headBias,
    );
  return { weight, bias };
}

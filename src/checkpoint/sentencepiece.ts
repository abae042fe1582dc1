import { isUtf8 } from "node:buffer";
import { quote } from "../files/byte-source.ts";
import { SHAPE_FIELDS } from "../trunk/shape.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import { asBoolean, asBytes, asFloat, asInt32, ProtobufError, type ProtobufField, protobufFields } from "./protobuf.ts";
import { refuse } from "./refuse.ts";

/** A SentencePiece BPE model (tokenizer.model), checked. Its field numbers are those of sentencepiece_model.proto. */
export interface SentencePieceModel {
  readonly pieces: StringTable;
  readonly scores: Float32Array;
  /** 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. */
  readonly types: Uint8Array;
  readonly unknownId: number;
  /** The normaliser's add_dummy_prefix: a space is put before the text. */
  readonly addDummyPrefix: boolean;
  /** Id of each piece. */
  idOf(piece: string): number | undefined;
}

const MAX_VOCABULARY = SHAPE_FIELDS.vocabularySize.max;
/** Yi's tokenizer.model takes 1 MB, one of 256k pieces 4 MB. More, made of the smallest fields, would take seconds to read. */
export const MAX_TOKENIZER_MODEL_BYTES = 16 * 1024 * 1024;
/** Longest piece: trained pieces have up to 16 characters by default, user-defined ones are words and runs of spaces. */
const MAX_PIECE_BYTES = 4096;

/**
 * Parses tokenizer.model completely. Accepts only what this project reproduces exactly: BPE with byte fallback, and
 * a normaliser that leaves text as it is.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT
 */
export function parseSentencePiece(bytes: Buffer, file: string): SentencePieceModel {
  let parts: ModelParts;
  try {
    parts = readModel(bytes);
  } catch (cause) {
    if (!(cause instanceof ProtobufError)) throw cause;
    throw refuse(file, `is not a SentencePiece model: ${cause.message}.`, { cause });
  }
  checkTrainer(parts.trainer, file);
  checkNormalizer(parts.normalizer, file);
  const ids = checkPieces(parts.pieces, file);
  return {
    pieces: StringTable.from(parts.pieces.map((piece) => piece.bytes)),
    scores: Float32Array.from(parts.pieces, (piece) => piece.score),
    types: Uint8Array.from(parts.pieces, (piece) => piece.type),
    unknownId: parts.pieces.findIndex((piece) => piece.type === PIECE_TYPE.unknown),
    addDummyPrefix: parts.normalizer.addDummyPrefix,
    idOf: (piece) => ids.get(piece),
  };
}

/** Shared, so that a file of a million empty pieces does not allocate a buffer for each. */
const NO_BYTES = Buffer.alloc(0);

interface Piece {
  bytes: Buffer;
  score: number;
  type: number;
}

// Initial values are the defaults of sentencepiece_model.proto.
const trainerDefaults = { modelType: 1, byteFallback: false, whitespaceAsSuffix: false };
const normalizerDefaults = {
  name: "",
  charsmapBytes: 0,
  addDummyPrefix: true,
  removeExtraWhitespaces: true,
  escapeWhitespaces: true,
  ruleBytes: 0,
};

interface ModelParts {
  pieces: Piece[];
  trainer: typeof trainerDefaults;
  normalizer: typeof normalizerDefaults;
}

/** The self test (4) and the denormaliser (5), which only turns ids back to text, are ignored. */
function readModel(bytes: Buffer): ModelParts {
  const parts: ModelParts = { pieces: [], trainer: { ...trainerDefaults }, normalizer: { ...normalizerDefaults } };
  for (const field of protobufFields(bytes)) {
    if (field.number === 1) {
      if (parts.pieces.length === MAX_VOCABULARY) throw new ProtobufError(`it has more than ${MAX_VOCABULARY} pieces`);
      parts.pieces.push(readPiece(asBytes(field)));
    } else if (field.number === 2) readTrainer(asBytes(field), parts.trainer);
    else if (field.number === 3) readNormalizer(asBytes(field), parts.normalizer);
  }
  if (parts.pieces.length === 0) throw new ProtobufError("it has no pieces");
  return parts;
}

function readPiece(message: Buffer): Piece {
  const piece: Piece = { bytes: NO_BYTES, score: 0, type: PIECE_TYPE.normal };
  for (const field of protobufFields(message)) {
    if (field.number === 1) piece.bytes = asBytes(field);
    else if (field.number === 2) piece.score = asFloat(field);
    else if (field.number === 3) piece.type = asInt32(field);
  }
  return piece;
}

function readTrainer(message: Buffer, trainer: typeof trainerDefaults): void {
  for (const field of protobufFields(message)) {
    if (field.number === 3) trainer.modelType = asInt32(field);
    else if (field.number === 24) trainer.whitespaceAsSuffix = asBoolean(field);
    else if (field.number === 35) trainer.byteFallback = asBoolean(field);
  }
}

const normalizerFields: { readonly [number: number]: (spec: typeof normalizerDefaults, field: ProtobufField) => void } =
  {
    1: (spec, field) => {
      spec.name = asBytes(field).toString("utf8");
    },
    2: (spec, field) => {
      spec.charsmapBytes = asBytes(field).length;
    },
    3: (spec, field) => {
      spec.addDummyPrefix = asBoolean(field);
    },
    4: (spec, field) => {
      spec.removeExtraWhitespaces = asBoolean(field);
    },
    5: (spec, field) => {
      spec.escapeWhitespaces = asBoolean(field);
    },
    6: (spec, field) => {
      spec.ruleBytes = asBytes(field).length;
    },
  };

function readNormalizer(message: Buffer, normalizer: typeof normalizerDefaults): void {
  for (const field of protobufFields(message)) normalizerFields[field.number]?.(normalizer, field);
}

const modelTypes: { readonly [id: number]: string } = { 1: "unigram", 2: "bpe", 3: "word", 4: "char" };
const BPE = 2;

function checkTrainer(trainer: typeof trainerDefaults, file: string): void {
  if (trainer.modelType !== BPE)
    throw refuse(
      file,
      `is a SentencePiece model of type ${modelTypes[trainer.modelType] ?? trainer.modelType}; expected bpe.`,
      {
        field: "trainer_spec.model_type",
      },
    );
  if (!trainer.byteFallback)
    throw refuse(file, "has no byte fallback; text outside its vocabulary could not be read as trained.", {
      field: "trainer_spec.byte_fallback",
    });
  if (trainer.whitespaceAsSuffix)
    throw refuse(file, "treats white space as a suffix, which is not supported.", {
      field: "trainer_spec.treat_whitespace_as_suffix",
    });
}

function checkNormalizer(normalizer: typeof normalizerDefaults, file: string): void {
  const changes = (field: string, what: string) =>
    refuse(file, `has a normaliser that ${what}, which is not supported; text must stay as it is.`, {
      field: `normalizer_spec.${field}`,
    });
  if (normalizer.charsmapBytes > 0 || normalizer.ruleBytes > 0)
    throw changes("precompiled_charsmap", `replaces characters (${quote(normalizer.name)})`);
  if (normalizer.removeExtraWhitespaces) throw changes("remove_extra_whitespaces", "removes extra white space");
  if (!normalizer.escapeWhitespaces) throw changes("escape_whitespaces", "does not write spaces as ▁");
}

/** @returns the id of each. @throws FileError ERR_INVALID_CHECKPOINT for pieces that are not a vocabulary with byte fallback */
export function checkPieces(pieces: readonly Piece[], file: string): Map<string, number> {
  const ids = new Map<string, number>();
  pieces.forEach((piece, id) => {
    const text = checkPiece(piece, id, file);
    const other = ids.get(text);
    if (other !== undefined) throw refuse(file, `has the piece ${quote(text)} twice, as ids ${other} and ${id}.`);
    ids.set(text, id);
  });
  const unknown = pieces.filter((piece) => piece.type === PIECE_TYPE.unknown).length;
  if (unknown !== 1) throw refuse(file, `has ${unknown} pieces of type "unknown"; expected exactly one.`);
  for (let byte = 0; byte < 256; byte++) {
    const id = ids.get(bytePiece(byte));
    if (id === undefined || pieces[id]?.type !== PIECE_TYPE.byte)
      throw refuse(file, `has no byte piece ${bytePiece(byte)}.`);
  }
  const bytes = pieces.filter((piece) => piece.type === PIECE_TYPE.byte).length;
  if (bytes !== 256) throw refuse(file, `has ${bytes} byte pieces; expected exactly 256.`);
  return ids;
}

/** The name of the piece for one byte: <0x00> to <0xFF>. */
export function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function checkPiece(piece: Piece, id: number, file: string): string {
  const { bytes, type } = piece;
  if (bytes.length === 0 || bytes.length > MAX_PIECE_BYTES)
    throw refuse(file, `has a piece of ${bytes.length} bytes as id ${id}; expected 1 to ${MAX_PIECE_BYTES}.`);
  if (!isUtf8(bytes)) throw refuse(file, `has a piece that is not UTF-8 as id ${id}.`);
  // llama.cpp reads pieces as C strings.
  if (bytes.includes(0)) throw refuse(file, `has a piece with a NUL character as id ${id}.`);
  if (type < PIECE_TYPE.normal || type > PIECE_TYPE.byte)
    throw refuse(file, `gives the piece with id ${id} the type ${type}; expected 1 to 6.`);
  if (!Number.isFinite(piece.score)) throw refuse(file, `gives the piece with id ${id} a score that is not finite.`);
  return bytes.toString("utf8");
}

import { isUtf8 } from "node:buffer";
import { quote } from "../files/byte-source.ts";
import type { Vocabulary } from "../native/addon.ts";
import type { Fields } from "./fields.ts";
import { STARLING_KEYS } from "./starling-keys.ts";
import type { StringTable } from "./value.ts";

const keys = {
  model: "tokenizer.ggml.model",
  tokens: "tokenizer.ggml.tokens",
  scores: "tokenizer.ggml.scores",
  types: "tokenizer.ggml.token_type",
  ids: [
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.unknown_token_id",
    "tokenizer.ggml.padding_token_id",
  ],
} as const;

const UNKNOWN = 2;
const BYTE = 6;
const BYTE_PIECES = 256;

/**
 * Reads the vocabulary and checks it: llama.cpp ends the process at two equal pieces, and reads byte pieces by their
 * spelling.
 *
 * @param size llama.vocab_size, which is also the number of rows of the embeddings
 */
export function readVocabulary(fields: Fields, size: number): Vocabulary {
  fields.name(keys.model, ["llama"]);
  const tokens = fields.array(keys.tokens, "string", size);
  const scores = fields.array(keys.scores, "f32", size);
  const types = fields.array(STARLING_KEYS.pieceTypes, "u8", size);
  const badScore = scores.findIndex((score) => !Number.isFinite(score));
  if (badScore !== -1)
    throw fields.refuse(`gives the piece with id ${badScore} a score that is not finite.`, keys.scores);
  checkTypes(fields, types, fields.array(keys.types, "i32", size));
  checkPieces(fields, tokens, types);
  for (const key of keys.ids) if (fields.has(key)) fields.u32(key, 0, size - 1);
  const addedTokens = readIds(fields, STARLING_KEYS.addedTokens, size);
  return {
    bytes: tokens.bytes,
    offsets: tokens.offsets,
    scores,
    types,
    addedTokens,
    normalizedAddedTokens: readNormalized(fields, addedTokens, size),
    addDummyPrefix: fields.bool(STARLING_KEYS.addDummyPrefix),
    addPrefixSpace: fields.bool(STARLING_KEYS.addPrefixSpace),
    padTokenId: fields.u32(STARLING_KEYS.padTokenId, 0, size - 1),
  };
}

function checkTypes(fields: Fields, types: Uint8Array, llamaTypes: Int32Array): void {
  types.forEach((type, id) => {
    const llamaType = llamaTypes[id] as number;
    if (type < 1 || type > BYTE)
      throw fields.refuse(
        `gives the piece with id ${id} the type ${type}; 1 to 6 are expected.`,
        STARLING_KEYS.pieceTypes,
      );
    if (llamaType < 1 || llamaType > BYTE || (llamaType === BYTE) !== (type === BYTE))
      throw fields.refuse(
        `gives the piece with id ${id} the type ${llamaType} for llama.cpp, which does not fit its own type ${type}.`,
        keys.types,
      );
  });
  const unknown = types.reduce((count, type) => count + (type === UNKNOWN ? 1 : 0), 0);
  if (unknown !== 1)
    throw fields.refuse(
      `has ${unknown} pieces of the type unknown; exactly one is expected.`,
      STARLING_KEYS.pieceTypes,
    );
}

function checkPieces(fields: Fields, tokens: StringTable, types: Uint8Array): void {
  const ids = new Map<string, number>();
  const bytes = new Set<string>();
  for (let id = 0; id < tokens.length; id++) {
    const piece = tokens.bytesAt(id);
    if (piece.length === 0) throw fields.refuse(`has an empty piece as id ${id}.`, keys.tokens);
    if (!isUtf8(piece) || piece.includes(0))
      throw fields.refuse(`has a piece that is not UTF-8 or holds a NUL character as id ${id}.`, keys.tokens);
    const text = tokens.at(id);
    const other = ids.get(text);
    if (other !== undefined)
      throw fields.refuse(`has the piece ${quote(text)} twice, as ids ${other} and ${id}.`, keys.tokens);
    ids.set(text, id);
    if (types[id] !== BYTE) continue;
    if (!/^<0x[0-9A-F]{2}>$/.test(text))
      throw fields.refuse(`has ${quote(text)} as a byte piece; <0x00> to <0xFF> are expected.`, keys.tokens);
    bytes.add(text);
  }
  if (bytes.size !== BYTE_PIECES)
    throw fields.refuse(`has ${bytes.size} byte pieces; all ${BYTE_PIECES} are expected.`, keys.tokens);
}

function readIds(fields: Fields, key: string, size: number): Int32Array {
  const ids = fields.array(key, "i32");
  ids.forEach((id, i) => {
    if (id < 0 || id >= size) throw fields.refuse(`names the id ${id} in ${key}; there are ${size} pieces.`, key);
    if (i > 0 && id <= (ids[i - 1] as number)) throw fields.refuse(`has ids in ${key} that do not ascend.`, key);
  });
  return ids;
}

function readNormalized(fields: Fields, addedTokens: Int32Array, size: number): Int32Array {
  const key = STARLING_KEYS.normalizedAddedTokens;
  if (!fields.has(key)) return new Int32Array(0);
  const ids = readIds(fields, key, size);
  const added = new Set(addedTokens);
  const stranger = ids.find((id) => !added.has(id));
  if (stranger !== undefined)
    throw fields.refuse(`names the id ${stranger} in ${key}, which is not an added token.`, key);
  return ids;
}

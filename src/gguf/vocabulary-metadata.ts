import { isUtf8 } from "node:buffer";
import { quote } from "../files/byte-source.ts";
import type { BytePairVocabulary, SentencePieceVocabulary, Vocabulary } from "../native/addon.ts";
import { byteAlphabet } from "../vocabulary/byte-alphabet.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import {
  BYTE_BPE,
  LONGEST_FIRST,
  MAX_WRAPPER_IDS,
  NFC,
  SENTENCEPIECE_MODES,
  type TokenizationMode,
  WORD_SPLITS,
} from "../vocabulary/tokenization.ts";
import type { Fields } from "./fields.ts";
import { STARLING_KEYS } from "./starling-keys.ts";

const keys = {
  model: "tokenizer.ggml.model",
  pre: "tokenizer.ggml.pre",
  merges: "tokenizer.ggml.merges",
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

const NORMAL = 1;
const UNKNOWN = 2;
const BYTE = 6;
const BYTE_PIECES = 256;
const SPACE = 0x20;
/** Longest piece: Llama 3 has tokens of 128 spaces. Added tokens may be longer than words, but not longer than a page. */
const MAX_PIECE_BYTES = 4096;
/**
 * Most bytes that llama.cpp may allocate for characters outside the byte alphabet: for each one in a normal token of a
 * byte-level BPE it stores another copy of the token. A genuine vocabulary has none.
 */
const MAX_SPELLED_OUT_BYTES = 64 * 1024 * 1024;
/** Most template names shown in a message. */
const MAX_NAMES = 20;

/** A Jinja template and the tokens that it may name. */
export interface ChatTemplateSource {
  readonly source: string;
  /** The file of the checkpoint that it came from; absent in older files. */
  readonly from?: string;
  /** bos_token, eos_token, unk_token and pad_token, if the tokenizer has them. */
  readonly tokens: Readonly<Record<string, string>>;
}

/**
 * Reads the vocabulary and checks it: llama.cpp ends the process at two equal pieces, and reads byte pieces by their
 * spelling.
 *
 * @param size llama.vocab_size, which is also the number of rows of the embeddings
 * @param padded whether the score's position needs a padding id
 */
export function readVocabulary(fields: Fields, size: number, padded: boolean): Vocabulary {
  const kind = fields.name(keys.model, ["llama", "gpt2"]);
  for (const key of keys.ids) if (fields.has(key)) fields.u32(key, 0, size - 1);
  const tokens = fields.array(keys.tokens, "string", size);
  const llamaTypes = fields.array(keys.types, "i32", size);
  const padTokenId = padded ? fields.u32(STARLING_KEYS.padTokenId, 0, size - 1) : -1;
  const own =
    kind === "llama" ? readSentencePiece(fields, tokens, llamaTypes) : readBytePair(fields, tokens, llamaTypes);
  const addedTokens = readIds(fields, STARLING_KEYS.addedTokens, size);
  if (kind === "gpt2") checkLettersAreFree(fields, tokens, addedTokens);
  const normalizedAddedTokens = readNormalized(fields, addedTokens, size);
  if (own.kind === "byte-pair" && own.composes && normalizedAddedTokens.length > 0)
    throw fields.refuse(
      `has ${STARLING_KEYS.normalizer} and normalized added tokens; only one of the two is supported.`,
      STARLING_KEYS.normalizedAddedTokens,
    );
  return {
    ...own,
    bytes: tokens.bytes,
    offsets: tokens.offsets,
    addedTokens,
    normalizedAddedTokens,
    before: readWrapperIds(fields, STARLING_KEYS.before, size),
    after: readWrapperIds(fields, STARLING_KEYS.after, size),
    padTokenId,
  };
}

type OwnParts<T> = Omit<
  T,
  "bytes" | "offsets" | "addedTokens" | "normalizedAddedTokens" | "before" | "after" | "padTokenId"
>;

function readSentencePiece(
  fields: Fields,
  tokens: StringTable,
  llamaTypes: Int32Array,
): OwnParts<SentencePieceVocabulary> {
  const size = tokens.length;
  const scores = fields.array(keys.scores, "f32", size);
  const types = fields.array(STARLING_KEYS.pieceTypes, "u8", size);
  const badScore = scores.findIndex((score) => !Number.isFinite(score));
  if (badScore !== -1)
    throw fields.refuse(`gives the piece with id ${badScore} a score that is not finite.`, keys.scores);
  checkTypes(fields, types, llamaTypes);
  checkPieces(fields, tokens);
  checkBytePieces(fields, tokens, types);
  return {
    kind: "sentencepiece",
    scores,
    types,
    addDummyPrefix: fields.bool(STARLING_KEYS.addDummyPrefix),
    addPrefixSpace: fields.bool(STARLING_KEYS.addPrefixSpace),
    longestFirst: fields.optionalName(STARLING_KEYS.mergeOrder, [LONGEST_FIRST]) !== undefined,
  };
}

function readBytePair(fields: Fields, tokens: StringTable, llamaTypes: Int32Array): OwnParts<BytePairVocabulary> {
  const split = fields.name(keys.pre, WORD_SPLITS);
  const composes = fields.optionalName(STARLING_KEYS.normalizer, [NFC]) !== undefined;
  const merges = fields.array(keys.merges, "string");
  const badType = llamaTypes.findIndex((type) => type < NORMAL || type >= BYTE);
  if (badType !== -1)
    throw fields.refuse(
      `gives the token with id ${badType} the type ${llamaTypes[badType]}; expected 1 to 5 in a byte-level BPE.`,
      keys.types,
    );
  // Of no use to a BPE, but llama.cpp reads them.
  if (fields.has(keys.scores)) fields.array(keys.scores, "f32", tokens.length);
  const ids = checkPieces(fields, tokens);
  for (const letter of byteAlphabet()) {
    const id = ids.get(letter);
    if (id === undefined || llamaTypes[id] !== NORMAL)
      throw fields.refuse(`has no token ${quote(letter)}, which represents a byte.`, keys.tokens);
  }
  checkSpelling(fields, tokens, llamaTypes);
  for (let i = 0; i < merges.length; i++) {
    const merge = merges.bytesAt(i);
    const space = merge.indexOf(SPACE);
    if (!isUtf8(merge) || space < 1 || space === merge.length - 1 || space !== merge.lastIndexOf(SPACE))
      throw fields.refuse(`has ${quote(merges.at(i))} as merge ${i}; expected two tokens.`, keys.merges);
  }
  return {
    kind: "byte-pair",
    types: Uint8Array.from(llamaTypes),
    merges: merges.bytes,
    mergeOffsets: merges.offsets,
    split,
    ignoreMerges: fields.bool(STARLING_KEYS.ignoreMerges),
    composes,
  };
}

/** Text never becomes an added token, so a byte whose letter is an added token could not be spelled. */
function checkLettersAreFree(fields: Fields, tokens: StringTable, addedTokens: Int32Array): void {
  const letters = new Set(byteAlphabet());
  const taken = addedTokens.find((id) => letters.has(tokens.at(id)));
  if (taken === undefined) return;
  const key = STARLING_KEYS.addedTokens;
  throw fields.refuse(
    `names the id ${taken} in ${key}, whose token ${quote(tokens.at(taken))} represents a byte.`,
    key,
  );
}

function checkSpelling(fields: Fields, tokens: StringTable, llamaTypes: Int32Array): void {
  const alphabet = new Set(byteAlphabet());
  let bytes = 0;
  for (let id = 0; id < tokens.length; id++) {
    if (llamaTypes[id] !== NORMAL) continue;
    const piece = tokens.bytesAt(id);
    let foreign = 0;
    for (const character of tokens.at(id)) if (!alphabet.has(character)) foreign += 1;
    bytes += foreign * piece.length;
    if (bytes > MAX_SPELLED_OUT_BYTES)
      throw fields.refuse(
        `has too many tokens like id ${id}, ${quote(tokens.at(id))}: a byte-level BPE writes bytes in its own alphabet.`,
        keys.tokens,
      );
  }
}

/** The file's mode, and all modes of its vocabulary. */
export function readTokenization(
  fields: Fields,
  { kind }: Vocabulary,
): { tokenization: TokenizationMode; tokenizations: readonly TokenizationMode[] } {
  const legacy = !fields.has(STARLING_KEYS.legacy) || fields.bool(STARLING_KEYS.legacy);
  const tokenizations: readonly TokenizationMode[] =
    kind === "byte-pair" ? [BYTE_BPE] : legacy ? SENTENCEPIECE_MODES : ["fast-4.41"];
  return { tokenization: fields.name(STARLING_KEYS.tokenization, tokenizations), tokenizations };
}

/** The checkpoint's own chat template. */
export function readChatTemplate(fields: Fields, { bytes, offsets }: Vocabulary): ChatTemplateSource {
  const source = fields.string("tokenizer.chat_template");
  const from = fields.optionalString(STARLING_KEYS.templateFrom);
  const table = new StringTable(bytes, offsets);
  const names = ["bos", "eos", "unk", "pad"];
  const tokens = keys.ids.flatMap((key, i) =>
    fields.has(key) ? [[`${names[i]}_token`, table.at(fields.u32(key, 0, table.length - 1))]] : [],
  );
  return { source, ...(from === undefined ? {} : { from }), tokens: Object.fromEntries(tokens) };
}

/** The names of the checkpoint's templates if none is the default one; undefined otherwise. */
export function readTemplateNames(fields: Fields): readonly string[] | undefined {
  if (!fields.has(STARLING_KEYS.templateNames)) return undefined;
  const names = fields.array(STARLING_KEYS.templateNames, "string");
  return Array.from({ length: Math.min(names.length, MAX_NAMES) }, (_, i) => names.at(i));
}

function checkTypes(fields: Fields, types: Uint8Array, llamaTypes: Int32Array): void {
  types.forEach((type, id) => {
    const llamaType = llamaTypes[id] as number;
    if (type < 1 || type > BYTE)
      throw fields.refuse(`gives the piece with id ${id} the type ${type}; expected 1 to 6.`, STARLING_KEYS.pieceTypes);
    if (llamaType < 1 || llamaType > BYTE || (llamaType === BYTE) !== (type === BYTE))
      throw fields.refuse(
        `gives the piece with id ${id} the type ${llamaType} for llama.cpp, which does not fit its own type ${type}.`,
        keys.types,
      );
  });
  const unknown = types.reduce((count, type) => count + (type === UNKNOWN ? 1 : 0), 0);
  if (unknown !== 1)
    throw fields.refuse(`has ${unknown} pieces of type "unknown"; expected exactly one.`, STARLING_KEYS.pieceTypes);
}

function checkPieces(fields: Fields, tokens: StringTable): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (let id = 0; id < tokens.length; id++) {
    const piece = tokens.bytesAt(id);
    if (piece.length === 0) throw fields.refuse(`has an empty piece as id ${id}.`, keys.tokens);
    if (piece.length > MAX_PIECE_BYTES)
      throw fields.refuse(
        `has a piece of ${piece.length} bytes as id ${id}; the limit is ${MAX_PIECE_BYTES}.`,
        keys.tokens,
      );
    if (!isUtf8(piece) || piece.includes(0))
      throw fields.refuse(`has a piece that is not UTF-8 or contains a NUL character as id ${id}.`, keys.tokens);
    const text = tokens.at(id);
    const other = ids.get(text);
    if (other !== undefined)
      throw fields.refuse(`has the piece ${quote(text)} twice, as ids ${other} and ${id}.`, keys.tokens);
    ids.set(text, id);
  }
  return ids;
}

function checkBytePieces(fields: Fields, tokens: StringTable, types: Uint8Array): void {
  const bytes = new Set<string>();
  for (let id = 0; id < tokens.length; id++) {
    if (types[id] !== BYTE) continue;
    const text = tokens.at(id);
    if (!/^<0x[0-9A-F]{2}>$/.test(text))
      throw fields.refuse(`has ${quote(text)} as a byte piece; expected <0x00> to <0xFF>.`, keys.tokens);
    bytes.add(text);
  }
  if (bytes.size !== BYTE_PIECES)
    throw fields.refuse(`has ${bytes.size} byte pieces; expected all ${BYTE_PIECES}.`, keys.tokens);
}

function readWrapperIds(fields: Fields, key: string, size: number): Int32Array {
  if (!fields.has(key)) return new Int32Array(0);
  const ids = fields.array(key, "i32");
  if (ids.length > MAX_WRAPPER_IDS || ids.some((id) => id < 0 || id >= size))
    throw fields.refuse(`has ${key} = [${ids.slice(0, MAX_WRAPPER_IDS)}]; expected up to ${MAX_WRAPPER_IDS} ids.`, key);
  return ids;
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
  const unknown = ids.find((id) => !added.has(id));
  if (unknown !== undefined)
    throw fields.refuse(`names the id ${unknown} in ${key}, which is not an added token.`, key);
  return ids;
}

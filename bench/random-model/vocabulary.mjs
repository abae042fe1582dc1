/**
 * A synthetic SentencePiece-like vocabulary in which the token count of a text is known beforehand: besides the special
 * and byte pieces there are single characters of two classes, left and right, and all pairs "left right". A pair is
 * the only thing that merges, so a text of n pairs has n ids, after n real merges.
 */
import { StringTable } from "../../dist/src/vocabulary/string-table.js";
import { below } from "./random.mjs";

/** SentencePiece's piece types. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const UNUSED = 5;
const BYTE = 6;

const SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"];
const BYTE_PIECES = 256;
/** CJK ideographs: thousands of neighbouring characters, none of them with a meaning to a tokenizer. */
const FIRST_LEFT = 0x4e00;
const FIRST_RIGHT = 0x6e00;

/** As many pairs as fit; of each class sqrt(room + 1) - 1 characters. */
function classSize(size) {
  return Math.floor(Math.sqrt(size - SPECIAL.length - BYTE_PIECES + 1)) - 1;
}

const left = (i) => String.fromCodePoint(FIRST_LEFT + i);
const right = (i) => String.fromCodePoint(FIRST_RIGHT + i);

/** @param {number} size */
export function makeVocabulary(size) {
  const characters = classSize(size);
  const pieces = [...SPECIAL];
  const types = [UNKNOWN, CONTROL, CONTROL, CONTROL, CONTROL];
  const add = (piece, type) => {
    pieces.push(piece);
    types.push(type);
  };
  for (let byte = 0; byte < BYTE_PIECES; byte++) add(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, BYTE);
  for (let i = 0; i < characters; i++) for (let j = 0; j < characters; j++) add(left(i) + right(j), NORMAL);
  for (let i = 0; i < characters; i++) add(left(i), NORMAL);
  for (let i = 0; i < characters; i++) add(right(i), NORMAL);
  while (pieces.length < size) add(`[PAD${pieces.length}]`, UNUSED);
  return {
    tokens: StringTable.from(pieces),
    scores: Float32Array.from(types, (type, id) => (type === NORMAL ? -id : 0)),
    types: Uint8Array.from(types),
    addedTokens: Int32Array.from(SPECIAL.keys()),
  };
}

/** A text of this many ids, whatever stands before or behind it. */
export function pieces(random, size, tokens) {
  const characters = classSize(size);
  const pair = () => left(below(random, characters)) + right(below(random, characters));
  return Array.from({ length: tokens }, pair).join("");
}

/**
 * Texts that the tokenizer turns into exactly `tokens` ids each, for a model with `size` pieces. No two of them begin
 * with the same piece, so that they share no prefix.
 *
 * @param {number} first where their first pieces begin to count, so that several calls make different ones
 * @returns {string[]}
 */
export function makeTexts(random, size, count, tokens, first = 0) {
  const characters = classSize(size);
  const beginning = (i) => left(i % characters) + right(Math.floor(i / characters));
  return Array.from({ length: count }, (_, i) => beginning(first + i) + pieces(random, size, tokens - 1));
}

/**
 * A synthetic SentencePiece vocabulary for texts with a known token count. Besides special and byte pieces it has single
 * characters of two classes, left and right, and all pairs of a left and a right one. Only pairs merge, so a text of n pairs
 * has n ids after n real merges.
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
/** CJK ideographs: thousands of consecutive characters that tokenizers do not treat specially. */
const FIRST_LEFT = 0x4e00;
const FIRST_RIGHT = 0x6e00;

/** Characters per class, so that all pairs fit: sqrt(room + 1) - 1. */
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

/** A text of exactly `tokens` ids, in any context. */
export function pieces(random, size, tokens) {
  const characters = classSize(size);
  const pair = () => left(below(random, characters)) + right(below(random, characters));
  return Array.from({ length: tokens }, pair).join("");
}

/**
 * Texts of exactly `tokens` ids each, for a vocabulary of `size` pieces. Each begins with a different piece, so they share no
 * prefix.
 *
 * @param {number} first index of the first text's first piece; different values give different texts
 * @returns {string[]}
 */
export function makeTexts(random, size, count, tokens, first = 0) {
  const characters = classSize(size);
  const beginning = (i) => left(i % characters) + right(Math.floor(i / characters));
  return Array.from({ length: count }, (_, i) => beginning(first + i) + pieces(random, size, tokens - 1));
}

/** A byte-level BPE tokenizer.json, checked: only what this project reproduces exactly is accepted. */

import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { SHAPE_FIELDS } from "../trunk/shape.ts";
import { byteAlphabet } from "../vocabulary/byte-alphabet.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import type { WordSplit } from "../vocabulary/tokenization.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import { readSpecialIds } from "./special-ids.ts";
import type { AddedToken, JsonFile, TokenizerFiles } from "./tokenizer-config.ts";
import { readWrapper } from "./tokenizer-wrapper.ts";
import { readSplit } from "./word-split.ts";

export interface BytePairModel {
  /** In the byte-level alphabet, added tokens as they are; by id. */
  readonly tokens: StringTable;
  /** "LEFT RIGHT", best first. */
  readonly merges: StringTable;
  readonly split: WordSplit;
  /** A word that is a token is taken whole. */
  readonly ignoreMerges: boolean;
  /** Text between added tokens is normalised first (NFC). */
  readonly composes: boolean;
  readonly addedTokens: readonly AddedToken[];
  /** Ids before and after a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly beginId?: number;
  readonly endId?: number;
  readonly padId?: number;
  readonly clsId?: number;
}

/** Llama 3's takes 9 to 17 MB. */
export const MAX_TOKENIZER_JSON_BYTES = 128 * 1024 * 1024;
/** Llama 3 has 280147. */
const MAX_MERGES = 4 * SHAPE_FIELDS.vocabularySize.max;
/** Longest token: runs of 128 spaces are in use. */
const MAX_TOKEN_CHARACTERS = 4096;

/** Classes that take tokenizer.json as it is; LlamaTokenizer changes where a BOS goes. */
const CLASSES = new Set<unknown>(["PreTrainedTokenizerFast", "TokenizersBackend"]);
/** Classes that transformers 5 sets up by itself, and 4 by tokenizer.json; what they both have is one and the same. */
const QWEN_CLASSES = new Set<unknown>(["Qwen2Tokenizer", "Qwen2TokenizerFast"]);

/**
 * Whether tokenizer.json is read although there is a tokenizer.model: some repositories of Llama 3 also hold the
 * tokenizer.model of Meta's own code, which no class of transformers reads.
 */
export function isOnlyBytePair({ value }: JsonFile, config: JsonFile | undefined): boolean {
  const model = own(value, "model");
  const isByteLevel = isJsonObject(model) && own(model, "type") === "BPE" && own(model, "byte_fallback") !== true;
  const name = config === undefined ? undefined : own(config.value, "tokenizer_class");
  return isByteLevel && (CLASSES.has(name) || QWEN_CLASSES.has(name));
}

/**
 * @param vocabSize rows of the embeddings
 * @throws FileError ERR_INVALID_CHECKPOINT naming the field
 */
export function parseBytePair(
  file: JsonFile,
  files: Pick<TokenizerFiles, "config" | "map" | "added">,
  vocabSize: number,
): BytePairModel {
  const { config } = files;
  const model = own(file.value, "model");
  refuseSentencePiece(file, model);
  if (!isJsonObject(model)) throw refuse(file.path, "has no model; expected a BPE.", { field: "model" });
  checkModel(file, model);
  const ids = readVocab(file, model, vocabSize);
  const addedTokens = withNamedPadding(readAddedTokens(file, ids, vocabSize), ids, files, vocabSize);
  const tokens = tokenList(file, ids);
  const split = readSplit(file);
  const composes = readComposes(file, split, addedTokens);
  const wrapper = readWrapper(file, addedTokens);
  checkClass(file, config, split === "qwen2" && composes && wrapper.before.length + wrapper.after.length === 0);
  const { beginId, endId, padId, clsId } = readSpecialIds(files, addedTokens);
  return {
    tokens: StringTable.from(tokens),
    merges: readMerges(file, model, ids),
    split,
    ignoreMerges: own(model, "ignore_merges") === true,
    composes,
    addedTokens,
    ...wrapper,
    ...(beginId === undefined ? {} : { beginId }),
    ...(endId === undefined ? {} : { endId }),
    ...(padId === undefined ? {} : { padId }),
    ...(clsId === undefined ? {} : { clsId }),
  };
}

/** transformers 5 saves a SentencePiece tokenizer as tokenizer.json only, without the pieces' scores and types. */
function refuseSentencePiece({ path }: JsonFile, model: unknown): void {
  if (!isJsonObject(model) || (own(model, "type") !== "Unigram" && own(model, "byte_fallback") !== true)) return;
  throw refuse(
    path,
    "contains a SentencePiece vocabulary, and tokenizer.model is missing beside it. Take tokenizer.model from the original " +
      "repository, or name the place that has it with --tokenizer.",
    { field: "model" },
  );
}

const modelFields: readonly (readonly [string, readonly unknown[]])[] = [
  ["type", ["BPE", undefined]],
  ["dropout", [null, undefined, 0]],
  ["unk_token", [null, undefined]],
  ["continuing_subword_prefix", [null, undefined, ""]],
  ["end_of_word_suffix", [null, undefined, ""]],
  ["byte_fallback", [false, undefined]],
  ["fuse_unk", [false, undefined]],
  ["ignore_merges", [true, false, undefined]],
];

function checkModel({ path }: JsonFile, model: JsonObject): void {
  for (const [field, allowed] of modelFields) {
    const given = own(model, field);
    if (!allowed.includes(given))
      throw refuse(path, `${hasAs(given, field)} of its model; expected a byte-level BPE without it.`, {
        field: `model.${field}`,
      });
  }
}

/**
 * Whether text is normalised (NFC). Only with Qwen's word split, which readers of older versions refuse: they would leave text
 * as it is.
 */
function readComposes({ path, value }: JsonFile, split: WordSplit, addedTokens: readonly AddedToken[]): boolean {
  const field = "normalizer";
  const normalizer = own(value, field);
  if (normalizer === undefined || normalizer === null) return false;
  const type = isJsonObject(normalizer) ? own(normalizer, "type") : normalizer;
  if (type !== "NFC" || split !== "qwen2")
    throw refuse(
      path,
      `has a normaliser (${describe(type)}), which is not supported; text must stay as it is, or be normalised by NFC as Qwen 2 does.`,
      { field },
    );
  const changed = addedTokens.find((token) => token.normalized);
  if (changed !== undefined)
    throw refuse(
      path,
      `has a normaliser and sets normalized on the token ${quote(changed.content)}, which is not supported.`,
      { field: "added_tokens" },
    );
  return true;
}

function readVocab({ path }: JsonFile, model: JsonObject, vocabSize: number): Map<string, number> {
  const field = "model.vocab";
  const vocab = own(model, "vocab");
  if (!isJsonObject(vocab)) throw refuse(path, "has no vocab; expected an object from token to id.", { field });
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) ids.set(checkToken(path, field, token, id, vocabSize), id as number);
  for (const letter of byteAlphabet())
    if (!ids.has(letter)) throw refuse(path, `has no token ${quote(letter)}, which represents a byte.`, { field });
  return ids;
}

function checkToken(path: string, field: string, token: string, id: unknown, vocabSize: number): string {
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= vocabSize)
    throw refuse(
      path,
      `gives the token ${quote(token)} ${id === undefined ? "no id" : `${describe(id)} as id`}; expected a number below the vocab_size ${vocabSize} of config.json.`,
      { field },
    );
  if (token === "" || token.length > MAX_TOKEN_CHARACTERS || token.includes("\0") || !token.isWellFormed())
    throw refuse(path, `has a token that is empty, too long or not text as id ${id}.`, { field });
  return token;
}

function readAddedTokens({ path, value }: JsonFile, ids: Map<string, number>, vocabSize: number): AddedToken[] {
  const field = "added_tokens";
  const list = own(value, field) ?? [];
  if (!Array.isArray(list)) throw refuse(path, `${hasAs(list, field)}; expected a list.`, { field });
  const tokens = new Map<number, AddedToken>();
  for (const entry of list) {
    const content = isJsonObject(entry) ? own(entry, "content") : undefined;
    if (!isJsonObject(entry) || typeof content !== "string")
      throw refuse(path, `has ${describe(entry)} in ${field}; expected a token.`, { field });
    const id = own(entry, "id");
    checkToken(path, field, content, id, vocabSize);
    for (const flag of ["lstrip", "rstrip", "single_word"])
      if (own(entry, flag) === true)
        throw refuse(path, `sets ${flag} on the token ${quote(content)}, which is not supported.`, { field });
    const known = ids.get(content);
    if ((known !== undefined && known !== id) || tokens.has(id as number))
      throw refuse(path, `gives the token ${quote(content)} or the id ${id} twice.`, { field });
    ids.set(content, id as number);
    const [special, normalized] = [own(entry, "special") === true, own(entry, "normalized") === true];
    tokens.set(id as number, { id: id as number, content, special, normalized });
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id);
}

/**
 * A pad_token that tokenizer.json does not have becomes a token behind all others, as transformers makes it; without a row in the
 * embeddings it can be in no text.
 */
function withNamedPadding(
  added: AddedToken[],
  ids: Map<string, number>,
  { config }: Pick<TokenizerFiles, "config">,
  vocabSize: number,
): AddedToken[] {
  const named = config === undefined ? undefined : own(config.value, "pad_token");
  const content = isJsonObject(named) ? own(named, "content") : named;
  const isNew = typeof content === "string" && content !== "" && !ids.has(content) && content.isWellFormed();
  if (!isNew || content.includes("\0") || content.length > MAX_TOKEN_CHARACTERS || ids.size >= vocabSize) return added;
  const id = ids.size;
  ids.set(content, id);
  return [...added, { id, content, special: true, normalized: false }];
}

/** Tokens by id; transformers leaves no gaps. */
function tokenList({ path }: JsonFile, ids: ReadonlyMap<string, number>): string[] {
  const tokens: (string | undefined)[] = new Array(ids.size).fill(undefined);
  for (const [token, id] of ids) {
    if (id >= ids.size || tokens[id] !== undefined)
      throw refuse(path, `gives the id ${id} to two tokens, or leaves out an id below it.`, { field: "model.vocab" });
    tokens[id] = token;
  }
  return tokens as string[];
}

function readMerges({ path }: JsonFile, model: JsonObject, ids: ReadonlyMap<string, number>): StringTable {
  const field = "model.merges";
  const list = own(model, "merges");
  if (!Array.isArray(list) || list.length > MAX_MERGES)
    throw refuse(path, `${hasAs(list, "merges")}; expected a list of up to ${MAX_MERGES}.`, { field });
  const seen = new Set<string>();
  const merges = list.map((merge: unknown, i) => {
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    const [left, right, more] = Array.isArray(pair) ? pair : [];
    const sound = typeof left === "string" && typeof right === "string" && more === undefined;
    if (!sound || !ids.has(left) || !ids.has(right) || !ids.has(left + right) || seen.has(`${left} ${right}`))
      throw refuse(
        path,
        `has ${quote(String(merge))} as merge ${i}; expected two tokens that form a third, with no merge repeated.`,
        {
          field,
        },
      );
    seen.add(`${left} ${right}`);
    return `${left} ${right}`;
  });
  return StringTable.from(merges);
}

/** @param likeQwen whether it is what Qwen2Tokenizer itself sets up: NFC, Qwen's split, nothing around a text */
function checkClass(file: JsonFile, config: JsonFile | undefined, likeQwen: boolean): void {
  const field = "tokenizer_class";
  const name = config === undefined ? undefined : own(config.value, field);
  if (CLASSES.has(name) || (QWEN_CLASSES.has(name) && likeQwen)) return;
  const path = config?.path ?? file.path;
  if (QWEN_CLASSES.has(name))
    throw refuse(
      path,
      `${hasAs(name, field)}, and ${file.path} is another tokenizer than that: versions of transformers disagree on which to use.`,
      { field },
    );
  throw refuse(
    path,
    `${hasAs(name, field)}; for a byte-level BPE only PreTrainedTokenizerFast and Qwen2Tokenizer are reproduced.`,
    { field },
  );
}

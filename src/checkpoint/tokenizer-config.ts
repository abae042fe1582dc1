import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import type { SentencePieceModel } from "./sentencepiece.ts";
import { type AddedToken, readFlag, TokenSet } from "./token-set.ts";
import { tokenizerClass } from "./tokenizer-classes.ts";

export { type AddedToken, readFlag } from "./token-set.ts";

/** What transformers adds to a SentencePiece model, checked against its pieces. */
export interface TokenizerConfig {
  /** Every token that is cut out of text before SentencePiece sees it, in the order of ids. */
  readonly addedTokens: readonly AddedToken[];
  readonly beginId?: number;
  readonly endId?: number;
  readonly unknownId: number;
  readonly padId?: number;
  /** U+2581 before each stretch of text, in the fast modes; transformers defaults to true. */
  readonly addPrefixSpace: boolean;
  /** add_bos_token and add_eos_token: LlamaTokenizer adds a BOS by default, an EOS only if this is set. */
  readonly addBegin: boolean;
  readonly addEnd: boolean;
  /** transformers defaults to true. */
  readonly legacy: boolean;
  /** Which of these the configuration sets explicitly. */
  readonly says: { readonly prefixSpace: boolean; readonly wrapper: boolean };
  /** tokenizer_class. */
  readonly className?: unknown;
  /** Tokens after the pieces of tokenizer.model, in the order of their ids. */
  readonly further: readonly string[];
}

export interface JsonFile {
  readonly path: string;
  readonly value: JsonObject;
}

/** The files next to tokenizer.model, if they exist. */
export interface TokenizerFiles {
  /** tokenizer_config.json */
  readonly config?: JsonFile | undefined;
  /** special_tokens_map.json */
  readonly map?: JsonFile | undefined;
  /** added_tokens.json: ids by content */
  readonly added?: JsonFile | undefined;
  /** tokenizer.json */
  readonly fast?: JsonFile | undefined;
}

/** Yi's takes 1 KB; long chat templates and 256 reserved tokens take 100 KB. */
export const MAX_TOKENIZER_CONFIG_BYTES = 8 * 1024 * 1024;

const DECODER = "added_tokens_decoder";
const ADDITIONAL = "additional_special_tokens";
/** transformers 5 has a list of tokens here, 4.47 and later an object of named ones. */
const EXTRA = "extra_special_tokens";
const NAMED = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] as const;

/**
 * Reads the added and special tokens, as transformers 4.34 and later does (tokenization_utils_base.py): where
 * tokenizer_config.json has added_tokens_decoder, only that file counts. Otherwise special_tokens_map.json goes
 * before it, and added_tokens.json and then tokenizer.json add their tokens.
 *
 * @param vocabSize rows of the embeddings: added tokens may follow the pieces
 * @throws FileError ERR_INVALID_CHECKPOINT when a token does not fit the pieces, would be cut out of text in a way that
 * is not reproduced, or has two ids in two files
 */
export function parseTokenizerConfig(
  model: SentencePieceModel,
  files: TokenizerFiles = {},
  vocabSize = model.pieces.length,
): TokenizerConfig {
  const { config } = files;
  const tokens = new TokenSet(model, vocabSize);
  const flag = (name: string) => (config === undefined ? undefined : readFlag(config.path, name, config.value, name));
  if (config !== undefined && flag("split_special_tokens") === true)
    throw refuse(config.path, "sets split_special_tokens to true, which is not supported: no token would be special.", {
      field: "split_special_tokens",
    });
  const hasDecoder = config !== undefined && addDecoder(tokens, config);
  const named = namedTokens(model, files, hasDecoder);
  if (!hasDecoder) addLegacy(tokens, files, named);
  const ids = addNamed(tokens, named);
  if (hasDecoder) checkAddedTokens(tokens, files.added);
  const unknownId = ids.get("unk_token") ?? tokens.addUnknown();
  const [beginId, endId, padId] = [ids.get("bos_token"), ids.get("eos_token"), ids.get("pad_token")];
  const [begin, end, prefix] = [flag("add_bos_token"), flag("add_eos_token"), flag("add_prefix_space")];
  const prefixes = classOf(config)?.prefixes ?? true;
  if (config !== undefined && !prefixes && prefix === true)
    throw refuse(
      config.path,
      `sets add_prefix_space to true, which ${own(config.value, "tokenizer_class")} does not have.`,
      {
        field: "add_prefix_space",
      },
    );
  return {
    addedTokens: tokens.list(),
    ...(beginId === undefined ? {} : { beginId }),
    ...(endId === undefined ? {} : { endId }),
    unknownId,
    ...(padId === undefined ? {} : { padId }),
    addPrefixSpace: prefix ?? prefixes,
    addBegin: begin ?? true,
    addEnd: end ?? false,
    legacy: prefixes ? (flag("legacy") ?? true) : true,
    says: { prefixSpace: prefix !== undefined, wrapper: begin !== undefined || end !== undefined },
    ...(config === undefined ? {} : { className: own(config.value, "tokenizer_class") }),
    further: tokens.further((hasDecoder ? config : (files.added ?? files.fast ?? config))?.path ?? ""),
  };
}

/** What `tokenizer_class` of tokenizer_config.json names, or the class where none is named; undefined for one that is not known. */
export function classOf(config: JsonFile | undefined) {
  return tokenizerClass(config === undefined ? undefined : own(config.value, "tokenizer_class"));
}

/** Returns whether there is one; null counts as none, as in transformers. */
function addDecoder(tokens: TokenSet, { path, value }: JsonFile): boolean {
  const decoder = own(value, DECODER);
  if (decoder === undefined || decoder === null) return false;
  if (!isJsonObject(decoder)) throw refuse(path, `${hasAs(decoder, DECODER)}; expected an object.`, { field: DECODER });
  for (const [key, token] of Object.entries(decoder)) {
    if (!/^(0|[1-9][0-9]{0,8})$/.test(key))
      throw refuse(path, `has ${quote(key)} as an id in ${DECODER}.`, { field: DECODER });
    const content = isJsonObject(token) ? own(token, "content") : undefined;
    if (typeof content !== "string" || content === "")
      throw refuse(path, `gives the token ${key} in ${DECODER} no content; expected a string.`, { field: DECODER });
    tokens.add(path, DECODER, Number(key), content, token as JsonObject);
  }
  return true;
}

/** A token that a file calls special. */
interface NamedToken {
  readonly path: string;
  readonly field: string;
  readonly content: string;
  readonly flags: JsonObject;
}

function namedTokens(
  model: SentencePieceModel,
  { config, map }: TokenizerFiles,
  hasDecoder: boolean,
): readonly NamedToken[] {
  const files = [...(hasDecoder ? [] : [map]), config].filter((file) => file !== undefined);
  const found: NamedToken[] = [];
  for (const { path, value } of files)
    for (const field of [ADDITIONAL, EXTRA]) {
      const list = own(value, field) ?? [];
      if (!Array.isArray(list) && !(field === EXTRA && isJsonObject(list)))
        throw refuse(path, `${hasAs(list, field)}; expected a list.`, { field });
      for (const token of Object.values(list)) found.push(namedToken(path, field, token));
    }
  for (const field of NAMED) {
    const file = files.find(({ value }) => own(value, field) !== undefined);
    const token = file === undefined ? undefined : own(file.value, field);
    if (file !== undefined && token !== null) found.push(namedToken(file.path, field, token));
    const standard = classOf(config)?.tokens[field];
    if (file === undefined && standard !== undefined && model.idOf(standard) !== undefined)
      found.push({ path: config?.path ?? "", field, content: standard, flags: {} });
  }
  return found;
}

/** A token is given as a string, or as an object with `content` and flags. */
function namedToken(path: string, field: string, token: unknown): NamedToken {
  const content = isJsonObject(token) ? own(token, "content") : token;
  if (typeof content !== "string" || content === "")
    throw refuse(path, `${hasAs(token, field)}; expected a token.`, { field });
  return { path, field, content, flags: isJsonObject(token) ? token : {} };
}

/** @returns the ids by field */
function addNamed(tokens: TokenSet, named: readonly NamedToken[]): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  // Special tokens that are named here are never normalised, unless the file says so.
  for (const { path, field, content, flags } of named)
    ids.set(field, tokens.addByContent(path, field, content, { normalized: false, ...flags }));
  return ids;
}

/** The tokens of added_tokens.json, then those of tokenizer.json. */
function addLegacy(tokens: TokenSet, { added, fast }: TokenizerFiles, named: readonly NamedToken[]): void {
  const special = new Set(named.map(({ content }) => content));
  for (const [content, id] of addedTokens(added))
    tokens.add((added as JsonFile).path, content, id, content, { special: special.has(content) });
  const list = fast === undefined ? [] : own(fast.value, "added_tokens");
  for (const token of Array.isArray(list) ? list.filter(isJsonObject) : []) {
    const [id, content] = [own(token, "id"), own(token, "content")];
    // The comparison of the two files reports what is not a token.
    if (typeof id === "number" && isId(id) && typeof content === "string" && content !== "")
      tokens.add((fast as JsonFile).path, "added_tokens", id, content, token);
  }
}

/** transformers ignores added_tokens.json if there is an added_tokens_decoder; older versions read it. */
function checkAddedTokens(tokens: TokenSet, added: JsonFile | undefined): void {
  for (const [content, id] of addedTokens(added))
    if (!tokens.has(id, content))
      throw refuse(
        (added as JsonFile).path,
        `adds the token ${quote(content)} as id ${id}, which ${DECODER} of tokenizer_config.json does not have: ` +
          "make them agree, or remove the one that the model was not trained with.",
        { field: content },
      );
}

/** What added_tokens.json says. @throws FileError ERR_INVALID_CHECKPOINT for something else than ids by content */
export function addedTokens(file: JsonFile | undefined): readonly (readonly [content: string, id: number])[] {
  if (file === undefined) return [];
  return Object.entries(file.value).map(([content, id]) => {
    if (content === "" || typeof id !== "number" || !isId(id))
      throw refuse(
        file.path,
        `has ${describe(id)} as the id of the token ${quote(content)}; expected a token and its id.`,
        {
          field: content,
        },
      );
    return [content, id] as const;
  });
}

function isId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 0;
}

/** Whether llama.cpp should treat the token as one that plain text never contains. */
export function isControl(token: AddedToken, config: TokenizerConfig, pieceType: number): boolean {
  if (pieceType === PIECE_TYPE.unknown) return false;
  const { id } = token;
  return (
    token.special || id === config.beginId || id === config.endId || id === config.padId || id === config.unknownId
  );
}

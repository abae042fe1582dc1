import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { refuse } from "./refuse.ts";
import { PIECE_TYPE, type SentencePieceModel } from "./sentencepiece.ts";

/** What transformers adds to a SentencePiece model, checked against its pieces. */
export interface TokenizerConfig {
  /** Every token that is cut out of text before SentencePiece sees it, in the order of ids. */
  readonly addedTokens: readonly AddedToken[];
  readonly beginId?: number;
  readonly endId?: number;
  readonly unknownId: number;
  readonly padId?: number;
  /** U+2581 in front of each stretch of text, in the fast modes; transformers takes true when nothing is said. */
  readonly addPrefixSpace: boolean;
  /** add_bos_token and add_eos_token: LlamaTokenizer adds a BOS unless told not to, and an EOS only if told to. */
  readonly addBegin: boolean;
  readonly addEnd: boolean;
  /** transformers takes true when nothing is said. */
  readonly legacy: boolean;
  /** tokenizer_class. */
  readonly className?: unknown;
  /** Tokens behind the pieces of tokenizer.model, in the order of their ids. */
  readonly further: readonly string[];
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
}

export interface JsonFile {
  readonly path: string;
  readonly value: JsonObject;
}

/** Yi's takes 1 KB; long chat templates and 256 reserved tokens take 100 KB. */
export const MAX_TOKENIZER_CONFIG_BYTES = 8 * 1024 * 1024;

/**
 * Reads the added and special tokens from tokenizer_config.json and special_tokens_map.json. Without the first, the
 * special tokens are the model's own.
 *
 * @param vocabSize rows of the embeddings: added tokens may stand behind the pieces
 * @throws FileError ERR_INVALID_CHECKPOINT when a token does not fit the pieces or would be cut out of text in a way
 * that is not reproduced
 */
export function parseTokenizerConfig(
  model: SentencePieceModel,
  config: JsonFile | undefined,
  map: JsonFile | undefined,
  vocabSize = model.pieces.length,
): TokenizerConfig {
  const tokens = new TokenSet(model, vocabSize);
  if (config !== undefined) addDecoder(tokens, config);
  for (const file of [config, map]) if (file !== undefined) addAdditional(tokens, file);
  const named = { config, map, tokens };
  const beginId = specialId(named, "bos_token");
  const endId = specialId(named, "eos_token");
  const padId = specialId(named, "pad_token");
  const unknownId = specialId(named, "unk_token") ?? tokens.addUnknown();
  const flag = (name: string) => (config === undefined ? undefined : readFlag(config.path, name, config.value, name));
  return {
    addedTokens: tokens.list(),
    ...(beginId === undefined ? {} : { beginId }),
    ...(endId === undefined ? {} : { endId }),
    unknownId,
    ...(padId === undefined ? {} : { padId }),
    addPrefixSpace: flag("add_prefix_space") ?? true,
    addBegin: flag("add_bos_token") ?? true,
    addEnd: flag("add_eos_token") ?? false,
    legacy: flag("legacy") ?? true,
    ...(config === undefined ? {} : { className: own(config.value, "tokenizer_class") }),
    further: tokens.further(config?.path ?? ""),
  };
}

/** The tokens found so far, by id. */
class TokenSet {
  readonly #model: SentencePieceModel;
  readonly #vocabSize: number;
  readonly #tokens = new Map<number, AddedToken>();

  constructor(model: SentencePieceModel, vocabSize: number) {
    this.#model = model;
    this.#vocabSize = vocabSize;
  }

  addUnknown(): number {
    const id = this.#model.unknownId;
    if (!this.#tokens.has(id))
      this.#tokens.set(id, { id, content: this.#model.pieces.at(id), special: true, normalized: false });
    return id;
  }

  /** Adds a token by its content alone, or returns the one that is there. */
  addByContent(file: string, field: string, content: string, flags: JsonObject): number {
    const id = this.#model.idOf(content) ?? this.list().find((token) => token.content === content)?.id;
    if (id === undefined)
      throw refuse(file, `names the token ${quote(content)} as ${field}, which tokenizer.model does not have.`, {
        field,
      });
    if (!this.#tokens.has(id)) this.add(file, field, id, content, { special: true, ...flags });
    return id;
  }

  add(file: string, field: string, id: number, content: string, flags: JsonObject): void {
    const { pieces } = this.#model;
    if (id >= pieces.length && id >= this.#vocabSize)
      throw refuse(
        file,
        `adds the token ${quote(content)} as id ${id}, beyond the ${pieces.length} pieces of tokenizer.model and the rows of the embeddings.`,
        { field },
      );
    if (id >= pieces.length && (this.#model.idOf(content) !== undefined || /[\0]/.test(content)))
      throw refuse(file, `adds the token ${quote(content)} as id ${id}, which cannot be: it is a piece already.`, {
        field,
      });
    if (id < pieces.length && pieces.at(id) !== content)
      throw refuse(
        file,
        `names the token ${id} ${quote(content)}, but in tokenizer.model it is ${quote(pieces.at(id))}.`,
        {
          field,
        },
      );
    for (const flag of ["lstrip", "rstrip", "single_word"])
      if (readFlag(file, field, flags, flag) === true)
        throw refuse(
          file,
          `asks for ${flag} at the token ${quote(content)}, which is not reproduced: the ids would differ from the trained ones.`,
          { field },
        );
    const special = readFlag(file, field, flags, "special") ?? false;
    const normalized = readFlag(file, field, flags, "normalized") ?? !special;
    this.#tokens.set(id, { id, content, special, normalized });
  }

  /** Those behind the pieces; transformers numbers them without a gap. */
  further(file: string): string[] {
    const first = this.#model.pieces.length;
    const tokens = this.list().filter(({ id }) => id >= first);
    const field = "added_tokens_decoder";
    tokens.forEach(({ id, content }, i) => {
      if (id !== first + i || tokens.findIndex((other) => other.content === content) !== i)
        throw refuse(file, `adds the token ${quote(content)} as id ${id}, which leaves a gap or repeats a token.`, {
          field,
        });
    });
    return tokens.map(({ content }) => content);
  }

  list(): AddedToken[] {
    return [...this.#tokens.values()].sort((a, b) => a.id - b.id);
  }
}

export function readFlag(file: string, field: string, flags: JsonObject, name: string): boolean | undefined {
  const value = own(flags, name);
  if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
  throw refuse(file, `has ${describe(value)} as ${name} in ${field}; true or false is expected.`, { field });
}

function addDecoder(tokens: TokenSet, { path, value }: JsonFile): void {
  const field = "added_tokens_decoder";
  const decoder = own(value, field);
  if (decoder === undefined || decoder === null) return;
  if (!isJsonObject(decoder))
    throw refuse(path, `has ${describe(decoder)} as ${field}; an object is expected.`, { field });
  for (const [key, token] of Object.entries(decoder)) {
    if (!/^(0|[1-9][0-9]{0,8})$/.test(key)) throw refuse(path, `has ${quote(key)} as an id in ${field}.`, { field });
    const content = isJsonObject(token) ? own(token, "content") : undefined;
    if (typeof content !== "string" || content === "")
      throw refuse(path, `gives the token ${key} in ${field} no content; a string is expected.`, { field });
    tokens.add(path, field, Number(key), content, token as JsonObject);
  }
}

function addAdditional(tokens: TokenSet, { path, value }: JsonFile): void {
  const field = "additional_special_tokens";
  const list = own(value, field);
  if (list === undefined || list === null) return;
  if (!Array.isArray(list)) throw refuse(path, `has ${describe(list)} as ${field}; a list is expected.`, { field });
  for (const token of list) addNamed(tokens, path, field, token);
}

/** A token is given as a string, or as an object with `content` and flags. */
function addNamed(tokens: TokenSet, path: string, field: string, token: unknown): number {
  const content = isJsonObject(token) ? own(token, "content") : token;
  if (typeof content !== "string" || content === "")
    throw refuse(path, `has ${describe(token)} as ${field}; a token is expected.`, { field });
  // Special tokens that are named here are never normalised, unless the file says so.
  return tokens.addByContent(path, field, content, { normalized: false, ...(isJsonObject(token) ? token : {}) });
}

interface Named {
  readonly config: JsonFile | undefined;
  readonly map: JsonFile | undefined;
  readonly tokens: TokenSet;
}

/** tokenizer_config.json wins where the two files differ, as in transformers; both tokens are cut out of text. */
function specialId({ config, map, tokens }: Named, field: string): number | undefined {
  const ids: number[] = [];
  for (const file of [config, map]) {
    const token = file === undefined ? undefined : own(file.value, field);
    if (file === undefined || token === undefined || token === null) continue;
    ids.push(addNamed(tokens, file.path, field, token));
  }
  return ids[0];
}

/** Whether llama.cpp should treat the token as one that plain text never holds. */
export function isControl(token: AddedToken, config: TokenizerConfig, pieceType: number): boolean {
  if (pieceType === PIECE_TYPE.unknown) return false;
  const { id } = token;
  return (
    token.special || id === config.beginId || id === config.endId || id === config.padId || id === config.unknownId
  );
}

/**
 * Whether tokenizer.json and tokenizer.model give the same ids. transformers reads one or the other, depending on
 * its version, the class and the configuration; this project reads tokenizer.model as the mode's version of transformers does.
 */

import { quote } from "../files/byte-source.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import type { SentencePieceMode } from "../vocabulary/tokenization.ts";
import { compareMerges } from "./compare-merges.ts";
import { Differences } from "./differences.ts";
import type { FastTokenizer } from "./fast-tokenizer.ts";
import { own } from "./json.ts";
import type { SentencePieceModel } from "./sentencepiece.ts";
import { tokenizerClass } from "./tokenizer-classes.ts";
import type { AddedToken, TokenizerConfig } from "./tokenizer-config.ts";
import { readWrapper } from "./tokenizer-wrapper.ts";

export interface ComparedTokenizers {
  readonly pieces: SentencePieceModel;
  readonly tokenizer: TokenizerConfig;
  readonly fast: FastTokenizer;
}

/** The converter registers the first three ids itself. */
const REGISTERED = 3;
const MARK = "▁";

/** Results by tokenizer.json and mode: comparing 64,000 pieces takes a second. */
const compared = new WeakMap<FastTokenizer, Map<string, Differences>>();

/**
 * Every difference that would change ids.
 *
 * @param oldSpellings whether ids 1 and 2 may be spelled as {@link hasOldSpellings} says
 */
export function compareTokenizers(
  files: ComparedTokenizers,
  mode: SentencePieceMode,
  oldSpellings = false,
): Differences {
  const known = compared.get(files.fast) ?? new Map<string, Differences>();
  compared.set(files.fast, known);
  const key = `${mode} ${oldSpellings}`;
  const found = known.get(key) ?? compare(files, mode, oldSpellings);
  known.set(key, found);
  return found;
}

function compare(
  { pieces, tokenizer, fast }: ComparedTokenizers,
  mode: SentencePieceMode,
  oldSpellings: boolean,
): Differences {
  const found = new Differences();
  compareModel(fast, found);
  if (mode !== "slow") compareSpacing(fast, tokenizer, found);
  if (!tokenizer.says.wrapper) compareWrapper(fast, tokenizer, found);
  const isOld = oldSpellings && hasOldSpellings({ pieces, fast });
  const spelling = isOld ? oldSpelling : tabSpelling({ pieces, tokenizer, fast });
  const cutOut = compareAddedTokens({ pieces, tokenizer, fast }, mode, isOld, found);
  compareVocab(pieces, fast, { cutOut, spelling }, found);
  // With different ids, every merge of them would differ as well.
  if (found.count === 0)
    compareMerges(pieces, fast, { mode, cutOut, orders: tokenizerClass(tokenizer.className)?.orders }, found);
  return found;
}

/**
 * transformers 4.36 to 4.38 writes `<s>` and `</s>` as ids 1 and 2 of every model, and adds the model's own spellings of
 * them after the vocabulary, where the model has no rows.
 */
export function hasOldSpellings({ pieces, fast }: Pick<ComparedTokenizers, "pieces" | "fast">): boolean {
  const own = [1, 2].map((id) => (id < pieces.pieces.length ? pieces.pieces.at(id) : ""));
  const behind = own.map((content) => fast.addedTokens.find((token) => token.content === content)?.id ?? -1);
  return (
    [1, 2].every((id) => fast.vocab.get(oldSpelling(id) as string) === id && own[id - 1] !== oldSpelling(id)) &&
    behind.every((id) => id >= pieces.pieces.length)
  );
}

function oldSpelling(id: number): string | undefined {
  return [undefined, "<s>", "</s>"][id];
}

const TAB_PIECE = "<0x09>";

/** Gemma's converter spells the byte piece of the tab as a tab, unless another piece is one: the id stays the same. */
function tabSpelling({
  pieces,
  tokenizer,
  fast,
}: ComparedTokenizers): ((id: number) => string | undefined) | undefined {
  const tab = pieces.idOf(TAB_PIECE);
  const spelled = tokenizerClass(tokenizer.className)?.spellsTab && pieces.idOf("\t") === undefined;
  return spelled && tab !== undefined && fast.vocab.get("\t") === tab
    ? (id) => (id === tab ? "\t" : undefined)
    : undefined;
}

const modelFields: readonly (readonly [string, readonly unknown[], string])[] = [
  ["dropout", [null, undefined, 0], "null"],
  ["continuing_subword_prefix", [null, undefined, ""], "null"],
  ["end_of_word_suffix", [null, undefined, ""], "null"],
  ["byte_fallback", [true], "true"],
  ["ignore_merges", [null, undefined, false], "false"],
];

function compareModel({ model }: FastTokenizer, found: Differences): void {
  for (const [name, allowed, expected] of modelFields) {
    const value = own(model, name);
    if (!allowed.includes(value))
      found.add(`model.${name}`, `its model has ${JSON.stringify(value)} as ${name}; expected ${expected}`);
  }
}

function compareSpacing(fast: FastTokenizer, { addPrefixSpace }: TokenizerConfig, found: Differences): void {
  const expected = addPrefixSpace ? "prepended" : "kept";
  if (fast.spacing === expected) return;
  const wanted = addPrefixSpace
    ? "puts one ▁ in front of every stretch of text between added tokens"
    : "puts no ▁ in front of text (add_prefix_space is false in tokenizer_config.json)";
  found.add(
    fast.spacingField,
    `its ${fast.spacingField} puts spaces elsewhere than tokenizer.model, which ${wanted} and writes spaces as ▁`,
  );
}

/** If tokenizer_config.json does not say, versions of transformers differ in which file they follow. */
function compareWrapper(fast: FastTokenizer, tokenizer: TokenizerConfig, found: Differences): void {
  const field = "post_processor";
  if ((own(fast.file.value, field) ?? null) === null) return;
  const { before, after } = readWrapper(fast.file, fast.addedTokens);
  const begin = tokenizer.addBegin && tokenizer.beginId !== undefined ? [tokenizer.beginId] : [];
  const end = tokenizer.addEnd && tokenizer.endId !== undefined ? [tokenizer.endId] : [];
  if (String(before) !== String(begin) || String(after) !== String(end))
    found.add(
      field,
      `its ${field} puts the ids [${before}] in front of a text and [${after}] behind it, LlamaTokenizer puts [${begin}] ` +
        `and [${end}] there, because tokenizer_config.json does not set add_bos_token and add_eos_token`,
    );
}

/** @returns the ids that both cut out of raw text; no merge ever makes them */
function compareAddedTokens(
  { pieces, tokenizer, fast }: ComparedTokenizers,
  mode: SentencePieceMode,
  oldSpellings: boolean,
  found: Differences,
): ReadonlySet<number> {
  const field = "added_tokens";
  const expected = expectedTokens(pieces, tokenizer, mode === "fast-4.41" ? "fast-4.41" : "fast-4.42");
  const needed = expectedTokens(pieces, tokenizer, mode === "fast-4.42" ? "fast-4.42" : "fast-4.41");
  const cutOut = new Set<number>();
  const given = new Map<number, AddedToken>();
  for (const token of fast.addedTokens) {
    const { id, content } = token;
    const old = oldSpellings && (oldSpelling(id) === content || id >= pieces.pieces.length);
    if (given.has(id)) found.add(field, `it gives the id ${id} to two added tokens`);
    given.set(id, token);
    const wanted = expected.get(id);
    if (wanted?.content === content && sameFlags(token, wanted, mode)) {
      if (!token.normalized && !content.includes(MARK)) cutOut.add(id);
    } else if (!old) found.add(field, describeToken(token, wanted, mode));
  }
  for (const { id, content } of needed.values())
    if (!given.has(id))
      found.add(field, `it does not add the token ${quote(content)} (id ${id}), which is cut out of text with ${mode}`);
  return cutOut;
}

/** The tokens that a mode cuts out of text, by id. */
function expectedTokens(
  { pieces, types }: SentencePieceModel,
  { addedTokens }: TokenizerConfig,
  mode: Exclude<SentencePieceMode, "slow">,
): ReadonlyMap<number, AddedToken> {
  const tokens = new Map<number, AddedToken>();
  for (let id = 0; id < pieces.length; id++) {
    const type = types[id];
    const cut = mode === "fast-4.42" && (type === PIECE_TYPE.control || type === PIECE_TYPE.userDefined);
    if (id < REGISTERED || cut)
      tokens.set(id, { id, content: pieces.at(id), special: type !== PIECE_TYPE.userDefined, normalized: false });
  }
  // transformers' converter registered these, so they are found in raw text even if not declared.
  for (const token of addedTokens)
    tokens.set(token.id, { ...token, normalized: token.normalized && !tokens.has(token.id) });
  return tokens;
}

/** The slow tokenizer does not look at `normalized`. */
function sameFlags(one: AddedToken, other: AddedToken, mode: SentencePieceMode): boolean {
  return one.special === other.special && (mode === "slow" || one.normalized === other.normalized);
}

function describeToken(token: AddedToken, wanted: AddedToken | undefined, mode: SentencePieceMode): string {
  const name = `it adds the token ${quote(token.content)} as id ${token.id}`;
  if (wanted === undefined) return `${name}, which the other files do not cut out of text with ${mode}`;
  if (wanted.content !== token.content) return `${name}, where the other files have ${quote(wanted.content)}`;
  const flag = token.special === wanted.special ? "normalized" : "special";
  return `${name} with ${flag} ${token[flag]}, where the other files say ${wanted[flag]}`;
}

interface Spelled {
  readonly cutOut: ReadonlySet<number>;
  readonly spelling: ((id: number) => string | undefined) | undefined;
}

function compareVocab(
  { pieces, idOf }: SentencePieceModel,
  { vocab, addedTokens }: FastTokenizer,
  { cutOut, spelling }: Spelled,
  found: Differences,
): void {
  const field = "model.vocab";
  for (let id = 0; id < pieces.length; id++) {
    const text = spelling?.(id) ?? pieces.at(id);
    const given = vocab.get(text);
    if (given === id || (given === undefined && cutOut.has(id))) continue;
    found.add(
      field,
      given === undefined
        ? `it has no piece ${quote(text)}, which tokenizer.model has as id ${id}`
        : `it gives the piece ${quote(text)} the id ${given}, and tokenizer.model gives it ${id}`,
    );
  }
  const added = new Map(addedTokens.map(({ content, id }) => [content, id]));
  for (const [token, id] of vocab)
    if (idOf(token) === undefined && added.get(token) !== id && spelling?.(id) !== token)
      found.add(field, `it has the token ${quote(token)} (id ${id}), which tokenizer.model does not have`);
}

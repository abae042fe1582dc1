/** Collects from the files the tokens that transformers splits out of text before SentencePiece sees it. */
import { quote } from "../files/byte-source.ts";
import { type JsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import type { SentencePieceModel } from "./sentencepiece.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
}

/** The tokens found so far, by id and by content. */
export class TokenSet {
  readonly #model: SentencePieceModel;
  readonly #vocabSize: number;
  readonly #tokens = new Map<number, AddedToken>();
  readonly #ids = new Map<string, number>();

  /** @param vocabSize rows of the embeddings: added tokens may follow the pieces */
  constructor(model: SentencePieceModel, vocabSize: number) {
    this.#model = model;
    this.#vocabSize = vocabSize;
  }

  addUnknown(): number {
    const id = this.#model.unknownId;
    if (!this.#tokens.has(id)) this.#set({ id, content: this.#model.pieces.at(id), special: true, normalized: false });
    return id;
  }

  idOf(content: string): number | undefined {
    return this.#ids.get(content);
  }

  has(id: number, content: string): boolean {
    return this.#tokens.get(id)?.content === content;
  }

  /** Adds a token by its content, or returns the existing one. */
  addByContent(file: string, field: string, content: string, flags: JsonObject): number {
    const id = this.#model.idOf(content) ?? this.#ids.get(content);
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
    if (id >= pieces.length && (this.#model.idOf(content) !== undefined || content.includes("\0")))
      throw refuse(file, `adds the token ${quote(content)} as id ${id}, which cannot be: it is a piece already.`, {
        field,
      });
    if (id < pieces.length && pieces.at(id) !== content)
      throw refuse(
        file,
        `names the token ${id} ${quote(content)}, but in tokenizer.model it is ${quote(pieces.at(id))}.`,
        { field },
      );
    const other = this.#tokens.get(id);
    if (other !== undefined && other.content !== content)
      throw refuse(file, `gives the id ${id} to the tokens ${quote(other.content)} and ${quote(content)}.`, { field });
    for (const flag of ["lstrip", "rstrip", "single_word"])
      if (readFlag(file, field, flags, flag) === true)
        throw refuse(
          file,
          `sets ${flag} on the token ${quote(content)}, which is not supported: the ids would differ from the trained ones.`,
          { field },
        );
    const special = readFlag(file, field, flags, "special") ?? false;
    const normalized = readFlag(file, field, flags, "normalized") ?? !special;
    this.#set({ id, content, special, normalized });
  }

  /** Those after the pieces; transformers numbers them without a gap. */
  further(file: string): string[] {
    const first = this.#model.pieces.length;
    const tokens = this.list().filter(({ id }) => id >= first);
    const field = "added_tokens_decoder";
    tokens.forEach(({ id, content }, i) => {
      // If two tokens have the same content, the map keeps the last id.
      if (id !== first + i || this.#ids.get(content) !== id)
        throw refuse(file, `adds the token ${quote(content)} as id ${id}, which leaves a gap or repeats a token.`, {
          field,
        });
    });
    return tokens.map(({ content }) => content);
  }

  /** In the order of ids. */
  list(): AddedToken[] {
    return [...this.#tokens.values()].sort((a, b) => a.id - b.id);
  }

  #set(token: AddedToken): void {
    this.#tokens.set(token.id, token);
    this.#ids.set(token.content, token.id);
  }
}

export function readFlag(file: string, field: string, flags: JsonObject, name: string): boolean | undefined {
  const value = own(flags, name);
  if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
  throw refuse(file, `${hasAs(value, name)} in ${field}; expected true or false.`, { field });
}

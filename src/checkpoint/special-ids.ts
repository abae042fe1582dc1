/** The special tokens that the files beside a byte-level tokenizer.json name: all must be among its added tokens. */
import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { isJsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import {
  type AddedToken,
  addedTokens as addedTokensOf,
  type JsonFile,
  type TokenizerFiles,
} from "./tokenizer-config.ts";

type Files = Pick<TokenizerFiles, "config" | "map" | "added">;

export interface SpecialIds {
  readonly beginId: number | undefined;
  readonly endId: number | undefined;
  readonly padId: number | undefined;
  readonly clsId: number | undefined;
}

/**
 * The ids of BOS, EOS, padding and CLS. A token that tokenizer.json does not add is refused: transformers would add it under a
 * new id.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a file that says something else than tokenizer.json
 */
export function readSpecialIds(files: Files, added: readonly AddedToken[]): SpecialIds {
  const { config, map } = files;
  const tokens = new Map(added.map((token) => [token.content, token]));
  if (config !== undefined && own(config.value, "split_special_tokens") === true)
    throw refuse(config.path, "sets split_special_tokens to true, which is not supported: no token would be special.", {
      field: "split_special_tokens",
    });
  const hasDecoder = checkDeclared(config, tokens);
  checkAdded(files.added, tokens);
  // As with tokenizer.model, added_tokens_decoder makes transformers ignore special_tokens_map.json.
  const read = [...(hasDecoder ? [] : [map]), config].filter((file) => file !== undefined);
  for (const file of read)
    for (const field of ["additional_special_tokens", "extra_special_tokens"]) {
      const list = own(file.value, field);
      if (Array.isArray(list) || isJsonObject(list))
        for (const token of Object.values(list)) addedId(file.path, field, token, tokens);
    }
  const named = (field: string) => {
    const file = read.find(({ value }) => own(value, field) !== undefined);
    const token = file === undefined ? undefined : own(file.value, field);
    return file === undefined || token === null ? undefined : addedId(file.path, field, token, tokens);
  };
  for (const field of ["unk_token", "sep_token", "mask_token"]) named(field);
  return {
    beginId: named("bos_token"),
    endId: named("eos_token"),
    padId: named("pad_token"),
    clsId: named("cls_token"),
  };
}

function addedId(path: string, field: string, token: unknown, tokens: ReadonlyMap<string, AddedToken>): number {
  const content = isJsonObject(token) ? own(token, "content") : token;
  const found = typeof content === "string" ? tokens.get(content) : undefined;
  if (found === undefined)
    throw refuse(
      path,
      `names ${content === undefined ? "a token without content" : describe(content)} as ${field}, which tokenizer.json does not add.`,
      {
        field,
      },
    );
  return found.id;
}

/** Every token of added_tokens_decoder must be in tokenizer.json with the same flags. Returns whether there is a decoder. */
function checkDeclared(config: JsonFile | undefined, tokens: ReadonlyMap<string, AddedToken>): boolean {
  const field = "added_tokens_decoder";
  const decoder = config === undefined ? undefined : own(config.value, field);
  if (config === undefined || decoder === undefined || decoder === null) return false;
  if (!isJsonObject(decoder)) throw refuse(config.path, `${hasAs(decoder, field)}.`, { field });
  for (const [key, token] of Object.entries(decoder)) {
    const content = isJsonObject(token) ? own(token, "content") : undefined;
    const flags = isJsonObject(token) ? token : {};
    const found = typeof content === "string" ? tokens.get(content) : undefined;
    const same =
      found !== undefined &&
      String(found.id) === key &&
      found.special === (own(flags, "special") === true) &&
      found.normalized === (own(flags, "normalized") ?? found.normalized) &&
      ["lstrip", "rstrip", "single_word"].every((flag) => own(flags, flag) !== true);
    if (!same)
      throw refuse(
        config.path,
        `adds ${content === undefined ? "a token without content" : describe(content)} as id ${key}, unlike tokenizer.json.`,
        { field },
      );
  }
  return true;
}

/** added_tokens.json counts only without an added_tokens_decoder, and must not contradict one. */
function checkAdded(file: JsonFile | undefined, tokens: ReadonlyMap<string, AddedToken>): void {
  for (const [content, id] of addedTokensOf(file))
    if (tokens.get(content)?.id !== id)
      throw refuse(
        (file as JsonFile).path,
        `adds the token ${quote(content)} as id ${id}, unlike tokenizer.json: use both files from one place.`,
        { field: content },
      );
}

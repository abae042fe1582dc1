import type { BytePairModel } from "../checkpoint/byte-pair.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { PIECE_TYPE } from "../checkpoint/sentencepiece.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { type GgufValue, StringTable } from "../gguf/value.ts";

/**
 * A byte-level BPE for llama.cpp (tokenizer.ggml.*) and what it has no place for (starling.tokenizer.*).
 *
 * @param padId the id that stands for padding, if any
 */
export function bytePairMetadata(
  { config }: Checkpoint,
  model: BytePairModel,
  padId: number | undefined,
): [string, GgufValue][] {
  const normalized = model.addedTokens.filter((token) => token.normalized);
  const ids = (list: readonly { id: number }[]): GgufValue => ({
    type: "array",
    of: "i32",
    value: Int32Array.from(list, ({ id }) => id),
  });
  const entries: [string, GgufValue | undefined][] = [
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text(model.split)],
    ["tokenizer.ggml.tokens", { type: "array", of: "string", value: paddedTokens(model, config.vocabSize) }],
    ["tokenizer.ggml.token_type", { type: "array", of: "i32", value: tokenTypes(model, config.vocabSize) }],
    ["tokenizer.ggml.merges", { type: "array", of: "string", value: model.merges }],
    ["tokenizer.ggml.bos_token_id", optionalId(model.beginId)],
    ["tokenizer.ggml.eos_token_id", optionalId(model.endId)],
    ["tokenizer.ggml.padding_token_id", optionalId(padId ?? model.padId)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
    ["tokenizer.ggml.add_eos_token", { type: "bool", value: false }],
    ["tokenizer.chat_template", model.chatTemplate === undefined ? undefined : text(model.chatTemplate)],
    [STARLING_KEYS.ignoreMerges, { type: "bool", value: model.ignoreMerges }],
    [STARLING_KEYS.addedTokens, ids(model.addedTokens)],
    [STARLING_KEYS.normalizedAddedTokens, normalized.length === 0 ? undefined : ids(normalized)],
  ];
  return entries.filter((entry): entry is [string, GgufValue] => entry[1] !== undefined);
}

/** Embeddings may have more rows than there are tokens; llama.cpp's converter names the rest [PADn], and so do we. */
function paddedTokens({ tokens }: BytePairModel, vocabSize: number): StringTable {
  if (tokens.length === vocabSize) return tokens;
  const taken = new Set(Array.from({ length: tokens.length }, (_, i) => tokens.at(i)));
  const names = Array.from({ length: vocabSize - tokens.length }, (_, i) => {
    let name = `[PAD${tokens.length + i}]`;
    while (taken.has(name)) name = `[${name}]`;
    return name;
  });
  return StringTable.from([...taken, ...names]);
}

/** As llama.cpp's converter: special added tokens are control tokens, the others user-defined. */
function tokenTypes({ tokens, addedTokens }: BytePairModel, vocabSize: number): Int32Array {
  const types = new Int32Array(vocabSize).fill(PIECE_TYPE.unused);
  types.fill(PIECE_TYPE.normal, 0, tokens.length);
  for (const { id, special } of addedTokens) types[id] = special ? PIECE_TYPE.control : PIECE_TYPE.userDefined;
  return types;
}

function text(value: string): GgufValue {
  return { type: "string", value };
}

function optionalId(id: number | undefined): GgufValue | undefined {
  return id === undefined ? undefined : { type: "u32", value: id };
}

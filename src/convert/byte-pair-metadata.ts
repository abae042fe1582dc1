import type { BytePairModel } from "../checkpoint/byte-pair.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { bool, ids, type MetadataEntry, optional, present, text, u32 } from "../gguf/entries.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { PIECE_TYPE } from "../vocabulary/piece-types.ts";
import { StringTable } from "../vocabulary/string-table.ts";
import { NFC } from "../vocabulary/tokenization.ts";
import { chatTemplateEntries } from "./chat-template-metadata.ts";

/**
 * Metadata of a byte-level BPE: for llama.cpp (tokenizer.ggml.*), and what llama.cpp has no key for (starling.tokenizer.*).
 *
 * @param padId the padding id, if any
 */
export function bytePairMetadata(
  checkpoint: Checkpoint,
  model: BytePairModel,
  padId: number | undefined,
): MetadataEntry[] {
  const { config } = checkpoint;
  const normalized = model.addedTokens.filter((token) => token.normalized);
  const idsOf = (tokens: readonly { id: number }[]) => ids(tokens.map(({ id }) => id));
  return present([
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text(model.split)],
    ["tokenizer.ggml.tokens", { type: "array", of: "string", value: paddedTokens(model, config.vocabularySize) }],
    ["tokenizer.ggml.token_type", { type: "array", of: "i32", value: tokenTypes(model, config.vocabularySize) }],
    ["tokenizer.ggml.merges", { type: "array", of: "string", value: model.merges }],
    ["tokenizer.ggml.bos_token_id", optional(model.beginId, u32)],
    ["tokenizer.ggml.eos_token_id", optional(model.endId, u32)],
    ["tokenizer.ggml.padding_token_id", optional(padId ?? model.padId, u32)],
    ["tokenizer.ggml.add_bos_token", bool(false)],
    ["tokenizer.ggml.add_eos_token", bool(false)],
    ...chatTemplateEntries(checkpoint),
    [STARLING_KEYS.normalizer, model.composes ? text(NFC) : undefined],
    [STARLING_KEYS.ignoreMerges, bool(model.ignoreMerges)],
    [STARLING_KEYS.addedTokens, idsOf(model.addedTokens)],
    [STARLING_KEYS.normalizedAddedTokens, normalized.length === 0 ? undefined : idsOf(normalized)],
  ]);
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

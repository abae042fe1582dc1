import { hasTensorsOf, type Profile } from "./profile.ts";

/** Classes of transformers that differ in their trunk only. */
const ARCHITECTURES = ["LlamaForSequenceClassification"];
const tensors = { trunkPrefix: "model.", head: { weight: "score.weight" } } as const;

/**
 * Source: LlamaForSequenceClassification in transformers (modeling_llama.py of 4.38.2, modeling_layers.py of 5.23.0) with
 * one label. Text is tokenised by `tokenizer(text)`, conversations by `tokenizer.apply_chat_template(messages)`, which
 * adds neither BOS nor EOS to what the template writes. Nothing is truncated unless asked for.
 */
export const sequenceClassification = {
  name: "llama-sequence-classification",
  recognisedBy: `model.* and score.weight, and the architecture "${ARCHITECTURES.join('" or "')}" in config.json`,
  matches: (signs) =>
    hasTensorsOf(tensors, signs) &&
    !signs.hasTrunk("transformer.") &&
    signs.architectures.some((name) => ARCHITECTURES.includes(name)),
  ...tensors,
  template: "chat-template",
  templateTokens: [],
  tokenizerOf: "the model",
  follows: "tokenizer.json",
  wrapper: "texts",
  maxTokens: "context",
  truncation: "none",
  padding: { id: "config", scorePosition: "last-non-pad" },
} as const satisfies Profile;

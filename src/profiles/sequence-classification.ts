import { hasTensorsOf, type Profile } from "./profile.ts";

const tensors = { trunkPrefix: "model.", heads: [{ weight: "score.weight" }] } as const;

/**
 * Source: the ForSequenceClassification classes of transformers (modeling_llama.py of 4.38.2 to 4.50.3, modeling_layers.py of
 * 5.23.0) with one label; they differ in their trunk only. Text is tokenised by `tokenizer(text)`, conversations by
 * `tokenizer.apply_chat_template(messages)`, which adds neither BOS nor EOS to what the template writes. Nothing is truncated
 * unless asked for. The score is read where the version of transformers that wrote config.json reads it.
 */
export const sequenceClassification = {
  name: "llama-sequence-classification",
  ...recognition(["LlamaForSequenceClassification"]),
  ...tensors,
  normalization: "mean-std",
  ignored: /^(mean|std)$/,
  template: "chat-template",
  templateTokens: [],
  tokenizerOf: "the model",
  follows: "tokenizer.json",
  wrapper: "texts",
  maxTokens: "context",
  truncation: "none",
  padding: { id: "config", scorePosition: "by-version" },
} as const satisfies Profile;

/** The same of other trunks: transformers has one text for all of these classes (modeling_layers.py of 5.23.0). */
export const otherSequenceClassification = {
  ...sequenceClassification,
  name: "sequence-classification",
  ...recognition(["Mistral", "Qwen2", "Qwen3", "Gemma2"].map((trunk) => `${trunk}ForSequenceClassification`)),
} as const satisfies Profile;

/** @param architectures classes of transformers that differ in their trunk only */
function recognition(architectures: readonly string[]): Pick<Profile, "recognisedBy" | "matches"> {
  return {
    recognisedBy: `model.* and score.weight, and the architecture "${architectures.join('" or "')}" in config.json`,
    matches: (signs) =>
      hasTensorsOf(tensors, signs) &&
      !signs.hasTrunk("transformer.") &&
      signs.architectures.some((name) => architectures.includes(name)),
  };
}

import { hasTensorsOf, type Profile, type ProfileSigns } from "./profile.ts";

const tensors = { trunkPrefix: "model.", heads: [{ weight: "score.weight" }] } as const;

/**
 * Source: the ForSequenceClassification classes of transformers (modeling_llama.py of 4.38.2 to 4.50.3, modeling_layers.py of
 * 5.23.0) with one label; they differ in their trunk only. Text is tokenised by `tokenizer(text)`, conversations by
 * `tokenizer.apply_chat_template(messages)`, which adds neither BOS nor EOS to what the template writes. Nothing is truncated
 * unless asked for. The score is read where the version of transformers that wrote config.json reads it.
 */
function sequenceClassificationOf<const Name extends string>(name: Name, architecture: string) {
  return {
    name,
    recognisedBy: `model.* and score.weight, and the architecture "${architecture}" in config.json`,
    matches: (signs: ProfileSigns) =>
      hasTensorsOf(tensors, signs) && !signs.hasTrunk("transformer.") && signs.architectures.includes(architecture),
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
}

export const sequenceClassification = sequenceClassificationOf(
  "llama-sequence-classification",
  "LlamaForSequenceClassification",
);
/** RM-Mistral-7B and its like. */
export const mistralSequenceClassification = sequenceClassificationOf(
  "mistral-sequence-classification",
  "MistralForSequenceClassification",
);
/** Reward models on Qwen 2 and 2.5. */
export const qwen2SequenceClassification = sequenceClassificationOf(
  "qwen2-sequence-classification",
  "Qwen2ForSequenceClassification",
);
/** Skywork-Reward-V2-Qwen3. */
export const qwen3SequenceClassification = sequenceClassificationOf(
  "qwen3-sequence-classification",
  "Qwen3ForSequenceClassification",
);
/** Skywork-Reward-Gemma-2-27B. */
export const gemma2SequenceClassification = sequenceClassificationOf(
  "gemma2-sequence-classification",
  "Gemma2ForSequenceClassification",
);

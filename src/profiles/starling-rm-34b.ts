import { CARD_MAX_TOKENS, hasTensorsOf, type Profile, type ProfileSigns } from "./profile.ts";
import { sequenceClassification } from "./sequence-classification.ts";

const templateTokens = ["<|im_start|>", "<|im_end|>"];

/**
 * Source of all values: the model card of Nexusflow/Starling-RM-34B (code and text), on Yi-34B-Chat's tokenizer. See
 * scripts/oracle/TOKENIZATION.md.
 */
export const starling34b = {
  name: "starling-rm-34b",
  recognisedBy: "transformer.* and v_head.weight, and the pieces <|im_start|> and <|im_end|>",
  matches: (signs) => hasStarlingTensors(signs) && hasChatPieces(signs),
  trunkPrefix: "transformer.",
  heads: [{ weight: "v_head.weight" }],
  template: "yi-chat",
  templateTokens,
  tokenizerOf: "Yi-34B-Chat",
  follows: "tokenizer.model",
  wrapper: "none",
  maxTokens: CARD_MAX_TOKENS,
  truncation: "left",
  // The card pads with the tokenizer's pad_token and reads before the first id 0, whatever config.json calls padding.
  padding: { id: 0, scorePosition: "before-first-pad" },
} as const satisfies Profile;

/** Both Starlings name their tensors alike. */
export function hasStarlingTensors(signs: ProfileSigns): boolean {
  // Athene-RM, by the same makers, has the trunk of its tensors under "model.".
  const isOther = signs.hasTrunk("model.") && !signs.hasTrunk(starling34b.trunkPrefix);
  return hasTensorsOf(starling34b, signs) && !isOther && !signs.hasTensor(sequenceClassification.heads[0].weight);
}

export function hasChatPieces(signs: ProfileSigns): boolean {
  return templateTokens.every((token) => signs.pieceId(token) !== undefined);
}

import { hasTensorsOf, type Profile, type ProfileSigns } from "./profile.ts";

/** The id that the code of Athene-RM looks for: a reserved token of Llama 3, named cls_token in the tokenizer's configuration. */
export const ATHENE_CLS_ID = 128_003;

/**
 * Source: the code of Nexusflow/Athene-RM-8B's model card, and rewardbench/models/athene.py. A conversation is the chat
 * template's text and cls_token behind it, and is tokenised like any text: the tokenizer adds a BOS before the one that the
 * template writes. The score is read at the last cls_token. The card truncates on the right, which would cut that token off, so
 * longer items are errors.
 */
export const atheneRm = {
  name: "athene-rm",
  recognisedBy: "model.* and v_head.weight, and a cls_token in the tokenizer's configuration",
  matches: (signs: ProfileSigns): boolean =>
    signs.modelType === "llama" &&
    signs.headTensors.length > 0 &&
    signs.hasTrunk("model.") &&
    hasTensorsOf(atheneRm, signs) &&
    !signs.hasTrunk("transformer."),
  trunkPrefix: "model.",
  heads: [{ weight: "v_head.weight" }],
  template: "chat-template",
  templateTokens: [],
  tokenizerOf: "the model",
  follows: "tokenizer.json",
  wrapper: "all",
  maxTokens: 4096,
  truncation: "none",
  padding: { id: "none", scorePosition: "last-of-token" },
  appended: "cls_token",
} as const satisfies Profile;

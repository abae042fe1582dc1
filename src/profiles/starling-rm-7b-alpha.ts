import { CARD_MAX_TOKENS, type Profile } from "./profile.ts";
import { hasChatPieces, hasStarlingTensors } from "./starling-rm-34b.ts";

/**
 * Source: the model card of berkeley-nest/Starling-RM-7B-alpha, on Llama-2-7b-chat-hf's tokenizer. That tokenizer puts a
 * BOS before every text, even before the template's own <s>.
 *
 * The card's class holds the trunk twice, as `model.model` and as `transformer`, and the first with the language model's
 * head. Its load_state_dict(strict=False) ignores tensors that it does not know, so a file may hold these as well.
 *
 * The card's code looks for the BOS in place of the padding token, finds it at the first position, and so reads at the end
 * of the padding: see scripts/oracle/PROFILES.md.
 */
export const starling7bAlpha = {
  name: "starling-rm-7b-alpha",
  recognisedBy: "transformer.* and v_head.weight, and the pieces <unk>, <s> and </s> as ids 0, 1 and 2",
  matches: (signs) =>
    hasStarlingTensors(signs) &&
    !hasChatPieces(signs) &&
    ["<unk>", "<s>", "</s>"].every((piece, id) => signs.pieceId(piece) === id),
  trunkPrefix: "transformer.",
  heads: [{ weight: "v_head.weight" }],
  ignored: /^model\.(model\..+|lm_head\.weight)$/,
  template: "llama-2-starling",
  templateTokens: ["<s>", "</s>"],
  tokenizerOf: "Llama-2-7b-chat-hf",
  follows: "tokenizer.json",
  wrapper: "all",
  maxTokens: CARD_MAX_TOKENS,
  truncation: "left",
  padding: { id: "unknown-token", scorePosition: "padding-end" },
} as const satisfies Profile;

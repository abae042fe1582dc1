/**
 * The families of reward models that are converted, as data: which tensors they have, how an item becomes text and ids,
 * and where the score is read. Everything that differs between them is here or is read from the checkpoint.
 */
import {
  CARD_MAX_TOKENS,
  type FrameRule,
  type ProfileName,
  type TemplateName,
  type TruncationSide,
} from "../gguf/starling-keys.ts";

export interface Profile {
  readonly name: ProfileName;
  /** What a checkpoint must have to be one, for people. */
  readonly recognisedBy: string;
  /** What the names of the trunk's tensors begin with. */
  readonly trunk: string;
  /** The tensors of the head, Linear(hidden_size → 1). A checkpoint may lack the bias; without a name it must not have one. */
  readonly head: { readonly weight: string; readonly bias?: string };
  /** Tensors that may be there and that the reference's code does not use. */
  readonly ignored?: RegExp;
  /** The template of {prompt, response} and {messages}; "chat-template" is the checkpoint's own. */
  readonly template: TemplateName;
  /** Tokens of the template that must be declared; otherwise they would be spelled out like plain text. */
  readonly templateTokens: readonly string[];
  /** Whose tokenizer files a checkpoint without the template's tokens should be given. */
  readonly tokenizerOf: string;
  /**
   * Which file the reference reads where there are tokenizer.model and tokenizer.json. The 34B's modes are named after
   * what transformers makes of tokenizer.model. The other file must give the same ids.
   */
  readonly follows: "tokenizer.model" | "tokenizer.json";
  /** Which items get the BOS and EOS that the tokenizer adds; "none" refuses a tokenizer that adds any. */
  readonly frame: FrameRule;
  /** Most ids of an item; "context" is max_position_embeddings. */
  readonly maxTokens: number | "context";
  /** "none": the reference does not truncate, so a longer item is an error. */
  readonly truncation: TruncationSide;
  /**
   * Which id is padding, and where that puts the score: 0, before its first place; that of config.json, at the last
   * id that is another; `<unk>`, at the end of a row that is padded with it.
   */
  readonly padding: "zero" | "configured" | "row-end";
}

/**
 * Source of all values: the model card of Nexusflow/Starling-RM-34B (code and text), on Yi-34B-Chat's tokenizer. See
 * scripts/oracle/TOKENIZATION.md.
 */
const starling34b: Profile = {
  name: "starling-rm-34b",
  recognisedBy: "transformer.* and v_head.weight, and the pieces <|im_start|> and <|im_end|>",
  trunk: "transformer.",
  head: { weight: "v_head.weight" },
  template: "yi-chat",
  templateTokens: ["<|im_start|>", "<|im_end|>"],
  tokenizerOf: "Yi-34B-Chat",
  follows: "tokenizer.model",
  frame: "none",
  maxTokens: CARD_MAX_TOKENS,
  truncation: "left",
  padding: "zero",
};

/**
 * Source: the model card of berkeley-nest/Starling-RM-7B-alpha, on Llama-2-7b-chat-hf's tokenizer, which puts a BOS in
 * front of everything: also in front of the template's own <s>.
 *
 * The card's class holds the trunk twice, as `model.model` and as `transformer`, and the language model's head with the
 * first; its load_state_dict(strict=False) ignores what it does not know. A file may have those, too.
 *
 * The card's code looks for the BOS in place of the padding token, finds it at the first place, and so reads at the end of
 * the padding: see scripts/oracle/PROFILES.md.
 */
const starling7bAlpha: Profile = {
  name: "starling-rm-7b-alpha",
  recognisedBy: "transformer.* and v_head.weight, and the pieces <unk>, <s> and </s> as ids 0, 1 and 2",
  trunk: "transformer.",
  head: { weight: "v_head.weight" },
  ignored: /^model\.(model\..+|lm_head\.weight)$/,
  template: "llama-2-starling",
  templateTokens: ["<s>", "</s>"],
  tokenizerOf: "Llama-2-7b-chat-hf",
  follows: "tokenizer.json",
  frame: "all",
  maxTokens: CARD_MAX_TOKENS,
  truncation: "left",
  padding: "row-end",
};

/**
 * Source: LlamaForSequenceClassification in transformers (modeling_llama.py of 4.38.2, modeling_layers.py of 5.23.0) with
 * one label; text is tokenised by `tokenizer(text)`, conversations by `tokenizer.apply_chat_template(messages)`, which
 * adds neither BOS nor EOS to what the template writes. Nothing is truncated unless asked for.
 */
const sequenceClassification: Profile = {
  name: "llama-sequence-classification",
  recognisedBy: 'model.* and score.weight, and the architecture "LlamaForSequenceClassification" in config.json',
  trunk: "model.",
  head: { weight: "score.weight" },
  template: "chat-template",
  templateTokens: [],
  tokenizerOf: "the model",
  follows: "tokenizer.json",
  frame: "texts",
  maxTokens: "context",
  truncation: "none",
  padding: "configured",
};

export const profiles: readonly Profile[] = [starling34b, starling7bAlpha, sequenceClassification];

/** What a profile is: everything that differs between families of reward models. */
import type { ScorePosition, TemplateName, TruncationSide, WrapperRule } from "./rules.ts";

export interface Profile {
  /** The name in a GGUF and in the option `profile`; never changes. */
  readonly name: string;
  /** What its checkpoints have, for people. */
  readonly recognisedBy: string;
  /** Whether these are the files of such a checkpoint. One that lacks a tensor matches too: the error then names the tensor. */
  matches(signs: ProfileSigns): boolean;
  /** What the names of the trunk's tensors begin with. */
  readonly trunkPrefix: string;
  /**
   * The tensors of the head, Linear(hidden_size → 1). A bias that is named may be absent; without a name, a checkpoint
   * that has one is refused.
   */
  readonly head: { readonly weight: string; readonly bias?: string };
  /** Tensors that the reference's code does not use either. */
  readonly ignored?: RegExp;
  /** The template of {prompt, response} and {messages}; "chat-template" is the checkpoint's own. */
  readonly template: TemplateName;
  /** Tokens of the template that the tokenizer must declare; otherwise it would spell them out like plain text. */
  readonly templateTokens: readonly string[];
  /** Where to find tokenizer files that declare them. */
  readonly tokenizerOf: string;
  /** The file that the reference reads when both exist. The other one must give the same ids. */
  readonly follows: "tokenizer.model" | "tokenizer.json";
  /** Which items get the BOS and EOS that the tokenizer adds; "none" refuses a tokenizer that adds any. */
  readonly wrapper: WrapperRule;
  /** Most ids of an item; "context" is max_position_embeddings. */
  readonly maxTokens: number | "context";
  /** "none": the reference does not truncate, so a longer item is an error. */
  readonly truncation: TruncationSide;
  readonly padding: PaddingRule;
}

/** Which id is padding, and where that puts the score. */
export interface PaddingRule {
  /** The id itself; "config": pad_token_id of config.json, if any; "unknown-token": the tokenizer's unk_token. */
  readonly id: number | "config" | "unknown-token";
  /** Where the score is read. Without a padding id it is "last". */
  readonly scorePosition: Exclude<ScorePosition, "last">;
}

/** What profiles look at to recognise a checkpoint. */
export interface ProfileSigns {
  /** `architectures` of config.json. */
  readonly architectures: readonly string[];
  hasTensor(name: string): boolean;
  /** Whether the trunk's tensors have this prefix. */
  hasTrunk(prefix: string): boolean;
  /** The id of a SentencePiece piece; undefined if it is missing, or the vocabulary is of another kind. */
  pieceId(piece: string): number | undefined;
}

/** Most ids that the code in the model cards of Starling-RM-34B and Starling-RM-7B-alpha keeps of a sequence. */
export const CARD_MAX_TOKENS = 2048;

/** Whether a checkpoint has a part of the profile's tensors. */
export function hasTensorsOf(
  { trunkPrefix, head }: Pick<Profile, "trunkPrefix" | "head">,
  signs: ProfileSigns,
): boolean {
  return signs.hasTensor(head.weight) || signs.hasTrunk(trunkPrefix);
}

/** What a profile is: everything that differs between families of reward models. */
import type { Activation, ScoreDirection } from "../reward-head.ts";
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
  /** Where its head may be; the first one of which the checkpoint has the weight. */
  readonly heads: readonly HeadTensors[];
  /** A field of config.json that names the head's module, before those of `heads`. */
  readonly headSetting?: string;
  /** Default: "higher". */
  readonly direction?: ScoreDirection;
  /** Which numbers of the checkpoint may normalise rewards; absent: none. See src/convert/normalization.ts. */
  readonly normalization?: NormalizationSource;
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
  /** A token that is put after every text and conversation, by its name in the tokenizer's configuration. */
  readonly appended?: "cls_token" | "eos_token";
}

/**
 * The tensors of a head. A bias that is named may be absent; without a name, a checkpoint that has one is refused. The default is
 * Linear(hidden_size → 1).
 */
export interface HeadTensors {
  readonly weight: string;
  readonly bias?: string;
  /** The row of an output layer with a row for each token. */
  readonly row?: number;
  /** A layer before it. */
  readonly hidden?: { readonly weight: string; readonly bias?: string; readonly activation: Activation };
}

/** "mean-std": OpenRLHF's two numbers; "running": safe-rlhf's normaliser. */
export type NormalizationSource = "mean-std" | "running";

/** Which id is padding, and where the score is read. */
export interface PaddingRule {
  /**
   * The id itself; "config": pad_token_id of config.json, if any; "unknown-token": the tokenizer's unk_token; "none": the
   * reference looks for no padding.
   */
  readonly id: number | "config" | "unknown-token" | "none";
  /** Where the score is read. Without a padding id that it needs, it is "last". */
  readonly scorePosition: ScorePosition | "by-version";
}

/** What profiles look at to recognise a checkpoint. */
export interface ProfileSigns {
  /** `architectures` of config.json. */
  readonly architectures: readonly string[];
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** The checkpoint's own name, or its folder's. */
  readonly name: string;
  /** A field of config.json. */
  setting(field: string): unknown;
  /** What is not part of a trunk, nor a language model's output layer. */
  readonly headTensors: readonly NamedShape[];
  hasTensor(name: string): boolean;
  /** Whether the trunk's tensors have this prefix. */
  hasTrunk(prefix: string): boolean;
  /** The id of a SentencePiece piece; undefined if it is missing, or the vocabulary is of another kind. */
  pieceId(piece: string): number | undefined;
}

/** Most ids that the code in the model cards of Starling-RM-34B and Starling-RM-7B-alpha keeps of a sequence. */
export const CARD_MAX_TOKENS = 2048;

/** A tensor, for messages. */
export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The head that a checkpoint has, or else the one that the profile expects first. */
export function headOf(
  { heads, headSetting }: Pick<Profile, "heads" | "headSetting">,
  signs: ProfileSigns,
): HeadTensors {
  const module = headSetting === undefined ? undefined : signs.setting(headSetting);
  const all = typeof module === "string" && module !== "" ? [{ weight: `${module}.weight` }, ...heads] : heads;
  return all.find(({ weight }) => signs.hasTensor(weight)) ?? (all[0] as HeadTensors);
}

/** Whether a checkpoint has a part of the profile's tensors: its head, or its trunk and no other head. */
export function hasTensorsOf(
  profile: Pick<Profile, "trunkPrefix" | "heads" | "headSetting">,
  signs: ProfileSigns,
): boolean {
  const hasOwnHead = signs.hasTensor(headOf(profile, signs).weight);
  return hasOwnHead || (signs.hasTrunk(profile.trunkPrefix) && signs.headTensors.length === 0);
}

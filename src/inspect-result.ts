/** What inspectModel() returns. */
import type { TokenizerFileSummary } from "./convert/metadata.ts";
import type { FitRecord } from "./gguf/fit-record.ts";
import type { RewardMetadata } from "./gguf/reward-metadata.ts";
import type { WeightTypes } from "./gguf/weight-types.ts";
import type { TemplateDateUse } from "./prompt/template-date.ts";
import type { ScoreDirection } from "./reward-head.ts";
import type { MemoryPrediction } from "./scoring/model-info.ts";

/** Of a checkpoint, `typeFallbacks` and `typeNotice` are what its conversion to `type` would have. */
export interface InspectResult extends WeightTypes {
  /** The file or folder, as it was named. */
  readonly path: string;
  /** A converted model, or a checkpoint that can be converted. */
  readonly kind: "gguf" | "checkpoint";
  /** For example "llama". */
  readonly architecture: string;
  /** The model's own name. */
  readonly name: string;
  /** Set for a demonstration model: to be shown. */
  readonly notice?: string;
  /** Weight type, for example "q4_k_m"; of a checkpoint the types of its tensors. */
  readonly fileType: string;
  /** Number of weights. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly size: number;
  /** Number of layers. */
  readonly layers: number;
  /** Length of a hidden state. */
  readonly embeddingLength: number;
  /** Width of the feed-forward layers. */
  readonly feedForwardLength: number;
  /** Attention heads per layer. */
  readonly heads: number;
  /** Key and value heads per layer. */
  readonly kvHeads: number;
  /** Number of token ids. */
  readonly vocabularySize: number;
  /** Maximum number of tokens the model was trained with. */
  readonly trainedContext: number;
  /** Base of the rotary position embedding. */
  readonly ropeFrequencyBase: number;
  /** The reward head; absent for a GGUF without one. */
  readonly head?: HeadSummary;
  /** The kind of reward model. */
  readonly profile?: string;
  /** How a prompt and a response become text: the name of a template. */
  readonly template?: string;
  /** Of the template "chat-template": which file of the checkpoint it was, as far as it is known. */
  readonly templateFrom?: string;
  /** Whether that template asks for a date (templateDate, --template-date); absent: it does not. */
  readonly templateDate?: TemplateDateUse;
  /** Of the template "none": the names of the checkpoint's templates, of which none is the default one. */
  readonly templateNames?: readonly string[];
  /** Of a checkpoint: said where it has a chat template of its own that its profile does not use. */
  readonly templateNotice?: string;
  /** How text becomes tokens by default. */
  readonly tokenization?: string;
  /** Of a checkpoint: the tokenizer file that is followed, and the other one where both give the same ids. */
  readonly tokenizerFile?: TokenizerFileSummary;
  /** Maximum number of tokens per text. */
  readonly maxTokens?: number;
  /**
   * Tokens that some layers attend to, where llama.cpp's graph has no such window: longer texts are refused, because they would
   * get another score than the reference's. Absent for most models.
   */
  readonly window?: number;
  /** What happens to a longer text: "left" keeps its last tokens, "none" refuses it. */
  readonly truncationSide?: string;
  /** The id of the padding token; absent if the model has none. */
  readonly padTokenId?: number;
  /** Where the score is read. */
  readonly scorePosition?: string;
  /**
   * Fingerprint of the model without its head, 64 hexadecimal digits: heads are for one trunk. Absent for a checkpoint and
   * for files of older versions.
   */
  readonly trunkSha256?: string;
  /** Where it was converted from, as far as the file says. */
  readonly source?: RewardMetadata["source"];
  /** How the head was fitted, where it is not the checkpoint's. */
  readonly fit?: FitRecord;
  /** What scoring takes; of a checkpoint, what it takes once it is converted. Absent without a reward head. */
  readonly memory?: MemoryPrediction;
}

/** A reward head in a few numbers. */
export interface HeadSummary {
  /** How many numbers of a hidden state it takes. */
  readonly length: number;
  /** Euclidean norm of the weights. */
  readonly norm: number;
  /** Mean of the weights. */
  readonly mean: number;
  /** What is added to every score; absent for a head without bias. */
  readonly bias?: number;
  /** Rows of its hidden layer; absent for a linear head. The norm and the mean are those of the last layer. */
  readonly hiddenRows?: number;
  /** "lower" for costs; absent: higher is better. */
  readonly direction?: ScoreDirection;
}

/** What a head file is: a reward head without a model. */
export interface HeadInspection {
  /** The file. */
  readonly path: string;
  /** Tells it from an {@link InspectResult}. */
  readonly kind: "head";
  /** The name in the file. */
  readonly name: string;
  /** Of the model that it is for. */
  readonly embeddingLength: number;
  /** The weights in a few numbers. */
  readonly head: HeadSummary;
  /** The kind of reward model that it is for. */
  readonly profile: string;
  /** How text became ids when it was fitted. */
  readonly tokenization: string;
  /** Fingerprint of the trunk that it is for. */
  readonly trunkSha256?: string;
  /** How it was fitted; absent if the file does not say. */
  readonly fit?: FitRecord;
}

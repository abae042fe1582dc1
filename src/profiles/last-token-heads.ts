/** Families whose own code reads the score at the last token that is no padding of its batch: the last one of an item. */
import { hasTensorsOf, type Profile, type ProfileSigns } from "./profile.ts";

const atLastToken = {
  trunkPrefix: "model.",
  templateTokens: [],
  tokenizerOf: "the model",
  maxTokens: "context",
  truncation: "none",
  padding: { id: "none", scorePosition: "last" },
} as const;
/** With the checkpoint's chat template; what it writes is not wrapped. */
const withChatTemplate = { template: "chat-template", wrapper: "texts", follows: "tokenizer.json" } as const;
/** With a template of the model card, tokenised as any text is. */
const withCardTemplate = { wrapper: "all", follows: "tokenizer.json" } as const;

const regression = { heads: [{ weight: "regression_head.weight" }] } as const;

/** Source: the code of openbmb/UltraRM-13b's model card, and rewardbench/models/openbmb.py. */
export const ultraRm = {
  name: "ultra-rm",
  recognisedBy: 'model.* and regression_head.weight, and the model_type "llama" in config.json',
  matches: (signs: ProfileSigns): boolean => signs.modelType === "llama" && hasOwnHead(ultraRm, signs),
  ...atLastToken,
  ...regression,
  ...withCardTemplate,
  template: "ultra-rm",
} as const satisfies Profile;

/** Source: the code of openbmb/Eurus-RM-7b (EurusRewardModel) and the example of its model card. */
export const eurusRm = {
  name: "eurus-rm",
  recognisedBy: 'model.* and regression_head.weight, and the model_type "mistral" in config.json',
  matches: (signs: ProfileSigns): boolean => signs.modelType === "mistral" && hasOwnHead(eurusRm, signs),
  ...atLastToken,
  ...regression,
  ...withCardTemplate,
  template: "eurus-rm",
} as const satisfies Profile;

const scoreHead = {
  heads: [{ weight: "score_head.weight", bias: "score_head.bias" }],
  normalization: "running",
  ignored: /^normalizer\.(mean|var|count)$/,
} as const;

/**
 * Source: safe_rlhf/models/score_model and the model cards of PKU-Alignment's beaver-7b. The code's own default of score_type is
 * "reward". Training and the authors' evaluation end every response with EOS.
 */
export const beaverReward = {
  name: "beaver-reward",
  recognisedBy: 'model.* and score_head.weight, and a score_type of "reward", or none, in config.json',
  matches: (signs: ProfileSigns): boolean => hasOwnHead(beaverReward, signs) && !isCost(signs),
  ...atLastToken,
  ...scoreHead,
  ...withCardTemplate,
  template: "beaver",
  templateTokens: ["</s>"],
} as const satisfies Profile;

/** The same for harm: the lower a response's cost, the better it is. */
export const beaverCost = {
  ...beaverReward,
  name: "beaver-cost",
  recognisedBy: 'model.* and score_head.weight, and the score_type "cost" in config.json',
  matches: (signs: ProfileSigns): boolean => hasOwnHead(beaverCost, signs) && isCost(signs),
  direction: "lower",
} as const satisfies Profile;

function isCost(signs: ProfileSigns): boolean {
  const type = signs.setting("score_type");
  return type === "cost" || (typeof type !== "string" && /\bcost\b/i.test(signs.name));
}

const valueHead = { heads: [{ weight: "v_head.summary.weight", bias: "v_head.summary.bias" }] } as const;

/**
 * Source: the model card of IDEA-CCNL/Ziya-LLaMA-7B-Reward, whose tokenizer is loaded with add_eos_token=True. Its own code was
 * not at hand: that it reads at the last token is inferred.
 */
export const ziyaReward = {
  name: "ziya-reward",
  recognisedBy: 'model.* and v_head.summary.weight, and a name with "Ziya"',
  matches: (signs: ProfileSigns): boolean => hasOwnHead(ziyaReward, signs) && isZiya(signs),
  ...atLastToken,
  ...valueHead,
  ...withCardTemplate,
  template: "ziya",
  appended: "eos_token",
} as const satisfies Profile;

/** Source: AutoModelForCausalLMWithValueHead of trl, whose value at the last token is taken as reward. */
export const valueHeadModel = {
  name: "value-head",
  recognisedBy: "model.* and v_head.summary.weight",
  matches: (signs: ProfileSigns): boolean => hasOwnHead(valueHeadModel, signs) && !isZiya(signs),
  ...atLastToken,
  ...valueHead,
  ...withChatTemplate,
} as const satisfies Profile;

function isZiya({ name }: ProfileSigns): boolean {
  return /ziya/i.test(name);
}

/** Source: rewardbench/models/grm.py, with vhead_layer_type "mlp" and one hidden layer, its default. */
export const grmSftreg = {
  name: "grm-sftreg",
  recognisedBy: "model.*, v_head.summary.0.weight and v_head.summary.2.weight",
  matches: (signs: ProfileSigns): boolean =>
    hasOwnHead(grmSftreg, signs) && !signs.hasTensor("v_head.summary.4.weight"),
  ...atLastToken,
  heads: [
    {
      weight: "v_head.summary.2.weight",
      bias: "v_head.summary.2.bias",
      hidden: { weight: "v_head.summary.0.weight", bias: "v_head.summary.0.bias", activation: "relu" },
    },
  ],
  ...withChatTemplate,
} as const satisfies Profile;

/** Classes with these two layers and ReLU between them: the weights do not tell what is between. */
const RELU_CLASSES = ["INFORMForSequenceClassification", "Qwen2ForRewardModel"];

/**
 * Source: INFORMForSequenceClassification in infly/INF-ORM-Llama3.1-70B's model card and rewardbench/models/inform.py;
 * Qwen2ForRewardModel (Qwen2.5-Math-RM) in vLLM's qwen2_rm.py.
 */
export const infOrm = {
  name: "inf-orm",
  recognisedBy: `model.*, score.0.weight and score.2.weight, and the architecture "${RELU_CLASSES.join('" or "')}" in config.json`,
  matches: (signs: ProfileSigns): boolean =>
    hasOwnHead(infOrm, signs) &&
    !signs.hasTensor("score.4.weight") &&
    signs.architectures.some((name) => RELU_CLASSES.includes(name)),
  ...atLastToken,
  heads: [
    {
      weight: "score.2.weight",
      bias: "score.2.bias",
      hidden: { weight: "score.0.weight", bias: "score.0.bias", activation: "relu" },
    },
  ],
  ...withChatTemplate,
  padding: { id: "config", scorePosition: "first-padding" },
} as const satisfies Profile;

/**
 * Source: openrlhf/models/model.py (get_llm_for_sequence_regression). Rewards are raw unless normalisation is asked for, as
 * there.
 */
export const openRlhf = {
  name: "openrlhf",
  recognisedBy: 'model.* and value_head.weight, or the architecture "RewardModel" in config.json',
  matches: (signs: ProfileSigns): boolean =>
    hasOwnHead(openRlhf, signs) &&
    (signs.hasTensor("value_head.weight") ||
      signs.architectures.includes("RewardModel") ||
      (typeof signs.setting("value_head_prefix") === "string" && !isSequenceClassifier(signs))),
  ...atLastToken,
  heads: [{ weight: "value_head.weight" }, { weight: "score.weight" }],
  headSetting: "value_head_prefix",
  normalization: "mean-std",
  ignored: /^(mean|std)$/,
  ...withChatTemplate,
} as const satisfies Profile;

function isSequenceClassifier({ architectures, hasTensor }: ProfileSigns): boolean {
  return hasTensor("score.weight") && architectures.some((name) => name.endsWith("ForSequenceClassification"));
}

/**
 * Source: the model card of nvidia/Llama-3.1-Nemotron-70B-Reward-HF: a language model, of which one step is generated after the
 * conversation, without a generation prompt; the reward is the logit of token 0.
 */
export const nemotronReward = {
  name: "nemotron-reward",
  recognisedBy:
    'model.* and lm_head.weight, the architecture "LlamaForCausalLM" and a name with "Nemotron" and "Reward"',
  matches: (signs: ProfileSigns): boolean =>
    signs.architectures.includes("LlamaForCausalLM") &&
    signs.headTensors.length === 0 &&
    /nemotron/i.test(signs.name) &&
    /reward/i.test(signs.name),
  ...atLastToken,
  heads: [
    { weight: "lm_head.weight", row: 0 },
    { weight: "model.embed_tokens.weight", row: 0 },
  ],
  ...withChatTemplate,
} as const satisfies Profile;

/** No name but the family's own: others may have the same tensors. */
function hasOwnHead(profile: Pick<Profile, "trunkPrefix" | "heads" | "headSetting">, signs: ProfileSigns): boolean {
  return signs.headTensors.length > 0 && hasTensorsOf(profile, signs) && !signs.hasTrunk("transformer.");
}

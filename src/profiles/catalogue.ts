/** Published reward models: what is known of each, with where it is said. What no source at hand says is left out. */
import type { TrunkShape } from "../trunk/shape.ts";
import type { ProfileName } from "./profiles.ts";

/** A published number and who published it. */
export interface PublishedNumber {
  /** In per cent. */
  readonly value: number;
  /** For people. */
  readonly source: string;
}

export interface CatalogueEntry {
  /** What `pull` and `convert hf:` know it by. */
  readonly name: string;
  /** On the Hugging Face hub. */
  readonly repository: string;
  readonly profile: ProfileName;
  /** A repository with its tokenizer, where its own has none. */
  readonly tokenizer?: string;
  /** `model_type` of its config.json. */
  readonly modelType: string;
  /** Of the model that it was trained from. */
  readonly shape: TrunkShape;
  /** What it is good for, in a sentence. */
  readonly goodFor: string;
  /** Average of RewardBench (version 1), in per cent. */
  readonly rewardBench?: PublishedNumber;
  /** Average of RewardBench 2, in per cent. */
  readonly rewardBench2?: PublishedNumber;
  /** As its card names it. */
  readonly licence?: string;
}

type Sizes = readonly [
  layers: number,
  embeddingLength: number,
  feedForwardLength: number,
  heads: number,
  keyValueHeads: number,
  headDim: number,
  vocabularySize: number,
  contextLength: number,
];

function shape([layers, embeddingLength, feedForwardLength, heads, ...rest]: Sizes): TrunkShape {
  const [keyValueHeads, headDim, vocabularySize, contextLength] = rest;
  return { layers, embeddingLength, feedForwardLength, heads, keyValueHeads, headDim, vocabularySize, contextLength };
}

const yi34b = shape([60, 7168, 20480, 56, 8, 128, 64000, 4096]);
const llama2_7b = shape([32, 4096, 11008, 32, 32, 128, 32001, 4096]);
const llama2_13b = shape([40, 5120, 13824, 40, 40, 128, 32001, 4096]);
const llama3_8b = shape([32, 4096, 14336, 32, 8, 128, 128256, 8192]);
const llama31_8b = shape([32, 4096, 14336, 32, 8, 128, 128256, 131072]);
const llama31_70b = shape([80, 8192, 28672, 64, 8, 128, 128256, 131072]);
const llama32_1b = shape([16, 2048, 8192, 32, 8, 64, 128256, 131072]);
const llama32_3b = shape([28, 3072, 8192, 24, 8, 128, 128256, 131072]);
const mistral_7b = shape([32, 4096, 14336, 32, 8, 128, 32000, 32768]);
const qwen3_06b = shape([28, 1024, 3072, 16, 8, 128, 151936, 40960]);
const qwen3_17b = shape([28, 2048, 6144, 16, 8, 128, 151936, 40960]);
const qwen3_4b = shape([36, 2560, 9728, 32, 8, 128, 151936, 40960]);
const qwen3_8b = shape([36, 4096, 12288, 32, 8, 128, 151936, 40960]);
const gemma2_27b = shape([46, 4608, 36864, 32, 16, 128, 256000, 8192]);

const SKYWORK_V2 = "model cards of Skywork-Reward-V2, as copied in public repositories";
const SKYWORK_TABLE = "table in Skywork-Reward's repository, December 2024";
const PAPER = "RewardBench paper, table 2 (with prior sets)";
const skyworkV2 = (rewardBench: number, rewardBench2: number) => ({
  rewardBench: { value: rewardBench, source: SKYWORK_V2 },
  rewardBench2: { value: rewardBench2, source: SKYWORK_V2 },
});
const llamaClassifier = { profile: "llama-sequence-classification", modelType: "llama" } as const;
const qwen3Classifier = { profile: "sequence-classification", modelType: "qwen3" } as const;

export const catalogue: readonly CatalogueEntry[] = [
  {
    name: "starling-rm-34b",
    repository: "Nexusflow/Starling-RM-34B",
    profile: "starling-rm-34b",
    tokenizer: "01-ai/Yi-34B-Chat",
    modelType: "llama",
    shape: yi34b,
    goodFor: "Scores that compare with work on Nectar and Starling-LM-7B-beta.",
    rewardBench: { value: 81.4, source: PAPER },
  },
  {
    name: "starling-rm-7b-alpha",
    repository: "berkeley-nest/Starling-RM-7B-alpha",
    profile: "starling-rm-7b-alpha",
    tokenizer: "meta-llama/Llama-2-7b-chat-hf",
    modelType: "llama",
    shape: llama2_7b,
    goodFor: "Scores that compare with work on Starling-LM-7B-alpha.",
    rewardBench: { value: 74.6, source: "table in the model cards of GRM (Ray2333)" },
  },
  {
    name: "skywork-v2-llama-3.1-8b",
    repository: "Skywork/Skywork-Reward-V2-Llama-3.1-8B",
    ...llamaClassifier,
    shape: llama31_8b,
    goodFor: "General use: the best published numbers here for their size.",
    ...skyworkV2(96.4, 84.1),
  },
  {
    name: "skywork-v2-llama-3.2-3b",
    repository: "Skywork/Skywork-Reward-V2-Llama-3.2-3B",
    ...llamaClassifier,
    shape: llama32_3b,
    goodFor: "General use on a laptop.",
    ...skyworkV2(93.0, 74.7),
  },
  {
    name: "skywork-v2-llama-3.2-1b",
    repository: "Skywork/Skywork-Reward-V2-Llama-3.2-1B",
    ...llamaClassifier,
    shape: llama32_1b,
    goodFor: "Filtering much data fast.",
    ...skyworkV2(89.9, 64.3),
  },
  {
    name: "skywork-v2-qwen3-0.6b",
    repository: "Skywork/Skywork-Reward-V2-Qwen3-0.6B",
    ...qwen3Classifier,
    shape: qwen3_06b,
    goodFor: "Filtering much data fast, with the least memory.",
    ...skyworkV2(85.2, 61.3),
    licence: "apache-2.0",
  },
  {
    name: "skywork-v2-qwen3-1.7b",
    repository: "Skywork/Skywork-Reward-V2-Qwen3-1.7B",
    ...qwen3Classifier,
    shape: qwen3_17b,
    goodFor: "Filtering much data.",
    ...skyworkV2(90.3, 68.3),
    licence: "apache-2.0",
  },
  {
    name: "skywork-v2-qwen3-4b",
    repository: "Skywork/Skywork-Reward-V2-Qwen3-4B",
    ...qwen3Classifier,
    shape: qwen3_4b,
    goodFor: "General use on a laptop, under a free licence.",
    ...skyworkV2(93.4, 75.5),
    licence: "apache-2.0",
  },
  {
    name: "skywork-v2-qwen3-8b",
    repository: "Skywork/Skywork-Reward-V2-Qwen3-8B",
    ...qwen3Classifier,
    shape: qwen3_8b,
    goodFor: "General use under a free licence.",
    ...skyworkV2(93.7, 78.2),
    licence: "apache-2.0",
  },
  {
    name: "skywork-llama-3.1-8b-v0.2",
    repository: "Skywork/Skywork-Reward-Llama-3.1-8B-v0.2",
    ...llamaClassifier,
    shape: llama31_8b,
    goodFor: "Scores that compare with work of 2024.",
    rewardBench: { value: 93.1, source: SKYWORK_TABLE },
  },
  {
    name: "skywork-gemma-2-27b-v0.2",
    repository: "Skywork/Skywork-Reward-Gemma-2-27B-v0.2",
    profile: "sequence-classification",
    modelType: "gemma2",
    shape: gemma2_27b,
    goodFor: "A second opinion from another family.",
    rewardBench: { value: 94.3, source: SKYWORK_TABLE },
  },
  {
    name: "grm-llama3-8b",
    repository: "Ray2333/GRM-Llama3-8B-rewardmodel-ft",
    ...llamaClassifier,
    shape: llama3_8b,
    goodFor: "Scores that compare with work on generalizable reward models.",
    rewardBench: { value: 91.5, source: "its makers' model cards (Ray2333)" },
  },
  {
    name: "grm-llama3-8b-sftreg",
    repository: "Ray2333/GRM-llama3-8B-sftreg",
    profile: "grm-sftreg",
    modelType: "llama",
    shape: llama3_8b,
    goodFor: "Work after reinforcement learning: its makers recommend it over the one above there.",
    rewardBench: { value: 87.0, source: "its makers' model cards (Ray2333)" },
  },
  {
    name: "fsfairx-llama3-8b",
    repository: "sfairXC/FsfairX-LLaMA3-RM-v0.1",
    ...llamaClassifier,
    shape: llama3_8b,
    goodFor: "Scores that compare with RLHFlow's online training.",
    rewardBench: { value: 83.6, source: PAPER },
  },
  {
    name: "athene-rm-8b",
    repository: "Nexusflow/Athene-RM-8B",
    profile: "athene-rm",
    modelType: "llama",
    shape: llama31_8b,
    goodFor: "Human preference in open conversation, by Starling's makers.",
  },
  {
    name: "athene-rm-70b",
    repository: "Nexusflow/Athene-RM-70B",
    profile: "athene-rm",
    modelType: "llama",
    shape: llama31_70b,
    goodFor: "Human preference in open conversation, where memory does not matter.",
    rewardBench: { value: 88.3, source: "Qwen2.5 technical report, table 15" },
  },
  {
    name: "nemotron-70b-reward",
    repository: "nvidia/Llama-3.1-Nemotron-70B-Reward-HF",
    profile: "nemotron-reward",
    modelType: "llama",
    shape: llama31_70b,
    goodFor: "Best-of-n where memory does not matter.",
    rewardBench: { value: 94.1, source: SKYWORK_TABLE },
  },
  {
    name: "inf-orm-70b",
    repository: "infly/INF-ORM-Llama3.1-70B",
    profile: "inf-orm",
    modelType: "llama",
    shape: llama31_70b,
    goodFor: "Best-of-n where memory does not matter.",
    rewardBench: { value: 95.1, source: "table in its model card, December 2024" },
  },
  {
    name: "ultrarm-13b",
    repository: "openbmb/UltraRM-13b",
    profile: "ultra-rm",
    modelType: "llama",
    shape: llama2_13b,
    goodFor: "Scores that compare with work on UltraFeedback.",
  },
  {
    name: "eurus-rm-7b",
    repository: "openbmb/Eurus-RM-7b",
    profile: "eurus-rm",
    modelType: "mistral",
    shape: mistral_7b,
    goodFor: "Reasoning: code and mathematics of 2024.",
    rewardBench: { value: 81.6, source: PAPER },
  },
  {
    name: "rm-mistral-7b",
    repository: "weqweasdas/RM-Mistral-7B",
    profile: "sequence-classification",
    modelType: "mistral",
    shape: mistral_7b,
    goodFor: "Scores that compare with RAFT and iterative DPO.",
    rewardBench: { value: 79.3, source: PAPER },
  },
  {
    name: "beaver-7b-reward",
    repository: "PKU-Alignment/beaver-7b-v1.0-reward",
    profile: "beaver-reward",
    modelType: "llama",
    shape: llama2_7b,
    goodFor: "Helpfulness apart from harm, in safe RLHF.",
  },
  {
    name: "beaver-7b-cost",
    repository: "PKU-Alignment/beaver-7b-v1.0-cost",
    profile: "beaver-cost",
    modelType: "llama",
    shape: llama2_7b,
    goodFor: "Harm apart from helpfulness: lower is better.",
  },
  {
    name: "ziya-7b-reward",
    repository: "IDEA-CCNL/Ziya-LLaMA-7B-Reward",
    profile: "ziya-reward",
    modelType: "llama",
    shape: llama2_7b,
    goodFor: "Chinese and English answers of 2023.",
    licence: "gpl",
  },
];

/** A model by its name here, in any case. */
export function findInCatalogue(name: string): CatalogueEntry | undefined {
  const wanted = name.toLowerCase();
  return catalogue.find((entry) => entry.name === wanted);
}

/** The benchmarks: what each compares, its pinned data set, and the model card's numbers. */
import type { Adapter } from "./adapters/adapter.ts";
import type { Description } from "./adapters/layout.ts";
import { adaptNectar } from "./adapters/nectar.ts";
import { adaptPairs } from "./adapters/pairs.ts";
import { adaptPpe } from "./adapters/ppe.ts";
import { adaptVote } from "./adapters/published/arena.ts";
import { adaptTruthfulQa } from "./adapters/published/truthfulqa.ts";
import { adaptRewardBench } from "./adapters/rewardbench.ts";
import { adaptRewardBench2 } from "./adapters/rewardbench2.ts";
import { adaptRmBench } from "./adapters/rmbench.ts";
import { adaptSafety } from "./adapters/safety.ts";
import { winnerColumn } from "./adapters/winner.ts";
import type { BenchmarkName } from "./case.ts";

/** Files of a data set on the hub at one commit. */
export interface BenchmarkSource {
  /** "OWNER/NAME". */
  readonly repository: string;
  /** Commit hash, which makes results reproducible. */
  readonly revision: string;
  /** Paths in the repository. */
  readonly files: readonly string[];
}

/** A benchmark: what it compares, and where its data comes from. */
export interface Benchmark {
  /** The name that evaluate() and the command line take. */
  readonly name: BenchmarkName;
  /** Display name. */
  readonly title: string;
  /** What must score higher than what, in one sentence. */
  readonly description: string;
  /** @internal Turns a row of the data set into a case. */
  readonly adapt: Adapter;
  /** @internal The column with its labels, in a file with these columns. */
  readonly label?: NonNullable<Description["label"]>;
  /** What a reader of its numbers must know, in one or two sentences; absent if there is nothing. */
  readonly notice?: string;
  /** All of its prompts are scored unless a limit is given, as its authors do. Absent: at most 1000, as on the model card. */
  readonly complete?: true;
  /** Absent if there is no default data set, so a file must be given. */
  readonly source?: BenchmarkSource;
  /** Further data sets, read after `source`. */
  readonly moreSources?: readonly BenchmarkSource[];
  /** An input with its data as published, where no commit is pinned: "hf:OWNER/NAME". */
  readonly published?: string;
  /** Accuracy by model, 0 to 1, from the model card of Starling-RM-34B: measured on 1000 prompts. */
  readonly card?: Readonly<Record<string, number>>;
}

function ppeSource(name: string, revision: string): BenchmarkSource {
  return { repository: `lmarena-ai/PPE-${name}-Best-of-K`, revision, files: ["data/train-00000-of-00001.parquet"] };
}

/** All benchmarks, by name. */
export const benchmarks: Readonly<Record<BenchmarkName, Benchmark>> = {
  human: {
    name: "human",
    title: "Human preference",
    description: "The conversation preferred by a person in the Chatbot Arena scores higher than the other one.",
    adapt: adaptVote,
    label: (names) => (names.includes("conversation_a") ? winnerColumn : undefined),
    source: {
      repository: "lmsys/chatbot_arena_conversations",
      revision: "1b6335d42a1d2c7e34870c905d03ab964f7f2bd8",
      files: ["data/train-00000-of-00001-cced8514c7ed782a.parquet"],
    },
    card: { "Starling-RM-34B": 0.807, "Starling-RM-7B-alpha": 0.762 },
  },
  truth: {
    name: "truth",
    title: "Truthfulness",
    notice:
      "The data set repeats the best answer among the correct ones. It counts once; asPublished has the accuracy with the repetition. The card does not say which it has.",
    description:
      "TruthfulQA's best answer scores at least as high as the correct ones, and these score higher than the incorrect ones.",
    adapt: adaptTruthfulQa,
    source: {
      repository: "truthfulqa/truthful_qa",
      revision: "741b8276f2d1982aa3d5b832d3ee81ed3b896490",
      files: ["generation/validation-00000-of-00001.parquet"],
    },
    card: { "Starling-RM-34B": 0.712, "Starling-RM-7B-alpha": 0.684 },
  },
  safety: {
    name: "safety",
    title: "Safety",
    description: "If exactly one of two responses in PKU-SafeRLHF is safe, it scores higher.",
    notice:
      "Its own data set is PKU-SafeRLHF as it was when the model card was written: the test split of round0, commit ff7ba91. It was replaced in June 2024.",
    adapt: adaptSafety,
    source: {
      repository: "PKU-Alignment/PKU-SafeRLHF",
      // The last commit before the card, of March 2024; the next one, of June 2024, replaced the data.
      revision: "ff7ba91063016c78a225b0f74e1c0860bb18230f",
      files: ["round0/test.jsonl.xz"],
    },
    card: { "Starling-RM-34B": 0.782, "Starling-RM-7B-alpha": 0.767 },
  },
  nectar: {
    name: "nectar",
    title: "Nectar",
    description: "Seven responses to a prompt are ordered as GPT-4 ranked them.",
    notice:
      "Nectar is the training data of Starling-RM-34B and Starling-RM-7B-alpha: their accuracy on it says nothing about new prompts.",
    adapt: adaptNectar,
    source: {
      repository: "berkeley-nest/Nectar",
      revision: "3c6b4c47fa1cc38869f9f32dce1699f7abad8b06",
      files: ["data/rlaif.parquet"],
    },
  },
  rewardbench: {
    name: "rewardbench",
    title: "RewardBench",
    description: "The chosen response scores higher than the rejected one; sections are weighted as in RewardBench.",
    complete: true,
    adapt: adaptRewardBench,
    source: {
      repository: "allenai/reward-bench",
      revision: "168d848cdbbea9764fae4a544dc9ca1e6cca4931",
      files: ["data/filtered-00000-of-00001.parquet"],
    },
  },
  rewardbench2: {
    name: "rewardbench2",
    title: "RewardBench 2",
    description:
      "The correct response scores highest of four; if several are correct, all of them score higher than the wrong ones.",
    complete: true,
    adapt: adaptRewardBench2,
    source: {
      repository: "allenai/reward-bench-2",
      revision: "7ff08853b0d5686e79b13fda8677024f566a104a",
      files: ["data/test-00000-of-00001.parquet"],
    },
  },
  rmbench: {
    name: "rmbench",
    title: "RM-Bench",
    description:
      "Of three right and three wrong answers in three styles, the right ones score higher: easy, normal and hard.",
    notice:
      "Easy: the right answer has the fancier style; hard: the wrong one has. The score is the mean over domains, as in RM-Bench's own code.",
    complete: true,
    published: "hf:THU-KEG/RM-Bench",
    adapt: adaptRmBench,
  },
  ppe: {
    name: "ppe",
    title: "Preference Proxy Evaluations",
    description:
      "Right answers score higher than wrong ones (five sets of 32 answers), and people's favourites than the others.",
    notice:
      "Its own data are the five correctness sets. The human preferences come with an input: hf:lmarena-ai/PPE-Human-Preference-V1.",
    complete: true,
    adapt: adaptPpe,
    label: (names) => (names.includes("response_1") && !names.includes("scores") ? winnerColumn : undefined),
    source: ppeSource("MMLU-Pro", "d3a309b95d5a3a34efdd2b01a9e3ee10565bf0c7"),
    moreSources: [
      ppeSource("MATH", "c46ce3cda5417fe8d170e992d925f93856b5db40"),
      ppeSource("GPQA", "2f85cea6481db81daa2c8033c51b7811b7bbf648"),
      ppeSource("MBPP-Plus", "afa814632c1df94e76b6af2c1d282511114cd2b7"),
      ppeSource("IFEval", "a4f7fae2443d96529dee6b65863a816a051b3a4d"),
    ],
  },
  pairs: {
    name: "pairs",
    title: "Preferences",
    description: "In your own data, the response ranked higher scores higher.",
    adapt: adaptPairs,
  },
};

/** What a conversion tells: what was left out, and what was decided by a rule. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { positionNotice } from "../gguf/position-notice.ts";
import type { RewardMetadata } from "../gguf/reward-metadata.ts";
import { ignoredTensors } from "./plan.ts";

/** Sentences without a full stop. */
export function noticesOf(checkpoint: Checkpoint, metadata: RewardMetadata): string[] {
  const { normalization, head } = metadata;
  const notices = [
    ...checkpoint.notices,
    leftOut(checkpoint, normalization !== undefined),
    normalization && normalizationNotice(normalization),
    head.direction === "lower" ? "the scores are costs: lower is better" : undefined,
    positionNotice(metadata),
  ];
  return notices.filter((notice) => notice !== undefined);
}

/** What a mean and a std are read from. */
const NORMALIZERS = /^(normalizer\.(mean|var)|mean|std)$/;

function leftOut(checkpoint: Checkpoint, isNormalized: boolean): string | undefined {
  // Rotary frequencies are in every layer, and follow from config.json.
  const unused = ignoredTensors(checkpoint).filter((name) => !isNormalized || !NORMALIZERS.test(name));
  const names = new Set(unused.map((name) => name.replace(/^.*(rotary_emb\.inv_freq)$/, "$1")));
  if (names.size === 0) return undefined;
  return `not used for scoring and left out: ${[...names].join(", ")}`;
}

function normalizationNotice({ mean, std, applied }: NonNullable<RewardMetadata["normalization"]>): string {
  return applied
    ? `scores are normalised with the checkpoint's mean and std: (reward - ${mean}) / ${std}`
    : `scores are raw; the checkpoint has a mean of ${mean} and a std of ${std} to normalise them (--normalize-reward)`;
}

/** What a conversion tells: what was left out, and what was decided by a rule. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { isJsonObject, own } from "../checkpoint/json.ts";
import { quote } from "../files/byte-source.ts";
import { positionNotice } from "../gguf/position-notice.ts";
import type { RewardMetadata } from "../gguf/reward-metadata.ts";
import { otherSequenceClassification, sequenceClassification } from "../profiles/sequence-classification.ts";
import { ignoredTensors } from "./plan.ts";

/** Sentences without a full stop. */
export function noticesOf(checkpoint: Checkpoint, metadata: RewardMetadata): string[] {
  const { normalization, head } = metadata;
  const notices = [
    ...checkpoint.notices,
    ownCode(checkpoint),
    leftOut(checkpoint, normalization !== undefined),
    normalization && normalizationNotice(normalization),
    head.direction === "lower" ? "the scores are costs: lower is better" : undefined,
    positionNotice(metadata),
  ];
  return notices.filter((notice) => notice !== undefined);
}

/** A stock class of transformers whose repository brings code for it: with trust_remote_code, that code would be run. */
function ownCode({ settings, profile }: Checkpoint): string | undefined {
  const map = own(settings, "auto_map");
  if (!isJsonObject(map) || !STOCK_PROFILES.includes(profile.name)) return undefined;
  const code = Object.entries(map).find(([name, value]) => name.startsWith("AutoModel") && typeof value === "string");
  return (
    code &&
    `config.json names code of its own (${quote(String(code[1]))}), which is not run: scores are those of transformers' class`
  );
}

const STOCK_PROFILES: readonly string[] = [sequenceClassification.name, otherSequenceClassification.name];

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

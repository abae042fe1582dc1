import { invalidArgument } from "../errors.ts";
import { readable } from "../options.ts";
import { headNotice } from "./head-notice.ts";
import type { RewardModelInfo } from "./model-info.ts";

/** What of its scores is unusual. */
function scoreNotices({ name, direction, normalization, positionNotice }: RewardModelInfo): (string | undefined)[] {
  return [
    direction === "lower"
      ? `the scores of ${name} are costs: lower is better (evaluations take their negatives)`
      : undefined,
    normalization?.applied
      ? `the scores of ${name} are normalised: (reward - ${normalization.mean}) / ${normalization.std}`
      : undefined,
    positionNotice,
  ];
}

/** What a user should know about a loaded model in addition to its own notice; each is a sentence without a full stop. */
export function modelNotices(info: RewardModelInfo): string[] {
  const isInfo = readable("info", () => Array.isArray((info as RewardModelInfo | undefined)?.kernelReasons));
  if (!isInfo) throw invalidArgument("info", "the info of a loaded model", info);
  return [headNotice(info), ...scoreNotices(info), info.typeNotice, ...info.kernelReasons].filter(
    (notice) => notice !== undefined,
  );
}

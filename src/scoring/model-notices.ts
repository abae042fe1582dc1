import { invalidArgument } from "../errors.ts";
import { readable } from "../options.ts";
import { headNotice } from "./head-notice.ts";
import type { RewardModelInfo } from "./model-info.ts";

/** What a user should know about a loaded model in addition to its own notice; each is a sentence without a full stop. */
export function modelNotices(info: RewardModelInfo): string[] {
  const isInfo = readable("info", () => Array.isArray((info as RewardModelInfo | undefined)?.kernelReasons));
  if (!isInfo) throw invalidArgument("info", "the info of a loaded model", info);
  return [headNotice(info), info.typeNotice, ...info.kernelReasons].filter((notice) => notice !== undefined);
}

import type { RewardModelInfo } from "./types.ts";

/**
 * What a user should know of a head file beside a model; undefined where there is nothing. Quantisations of one checkpoint
 * share heads. Another model of the same shape takes the head, too, but its hidden states mean something else.
 */
export function headNotice({ name, head, fit }: Pick<RewardModelInfo, "name" | "head" | "fit">): string | undefined {
  if (head === undefined || fit === undefined || fit.model === name) return undefined;
  return `the head ${head.path} was fitted to ${fit.model}, and the model here is ${name}: its scores may mean nothing`;
}

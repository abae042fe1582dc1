import { isForeign, shortTrunk } from "../gguf/trunk.ts";
import type { RewardModelInfo } from "./model-info.ts";

/**
 * What a user should know about the head in use; undefined if there is nothing. All quantisations of one checkpoint share
 * heads. A model with another trunk also gives numbers with the head, but its hidden states differ.
 */
export function headNotice(info: Pick<RewardModelInfo, "name" | "trunkSha256" | "head" | "fit">): string | undefined {
  const { name, trunkSha256, head, fit } = info;
  const of = head === undefined ? fit?.trunkSha256 : head.trunkSha256;
  const what = head === undefined ? `the head of ${name}` : `the head ${head.path}`;
  if (isForeign(of, trunkSha256))
    return (
      `${what} was fitted to another model${fit === undefined ? "" : `, ${fit.model}`} (trunk ${shortTrunk(of)}, here ` +
      `${shortTrunk(trunkSha256)}): its scores may mean nothing`
    );
  // A head inside a model was put there on purpose.
  if (head === undefined || (of !== undefined && trunkSha256 !== undefined)) return undefined;
  if (fit !== undefined && fit.model !== name)
    return `${what} was fitted to ${fit.model}, and the model here is ${name}: its scores may mean nothing`;
  const without = trunkSha256 === undefined ? `the model ${name}` : what;
  return (
    `${without} has no fingerprint of its trunk (an older version made it), so whether the head belongs to the model cannot ` +
    `be checked: ${trunkSha256 === undefined ? "convert the checkpoint again" : "fit the head again"}`
  );
}

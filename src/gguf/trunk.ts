/** Comparing the fingerprints of trunks; see STARLING_KEYS.trunkSha256. */

/** Digits shown in messages, of 64: enough that two trunks never agree by chance. */
const SHOWN_DIGITS = 12;

/** Whether two fingerprints are known and differ: a head fitted to one is then useless with the other. */
export function isForeign(first: string | undefined, second: string | undefined): first is string {
  return first !== undefined && second !== undefined && first !== second;
}

/** Its form in messages. */
export function shortTrunk(sha256: string | undefined): string {
  return sha256?.slice(0, SHOWN_DIGITS) ?? "unknown";
}

/** Comparing the fingerprints of trunks; see STARLING_KEYS.trunkSha256. */

/** Digits shown in messages, of 64: enough to tell trunks apart. */
const SHOWN_DIGITS = 12;

/** Whether two fingerprints are known and differ: a head fitted to one trunk means nothing on another. */
export function isForeign(first: string | undefined, second: string | undefined): first is string {
  return first !== undefined && second !== undefined && first !== second;
}

/** The fingerprint as messages show it. */
export function shortTrunk(sha256: string | undefined): string {
  return sha256?.slice(0, SHOWN_DIGITS) ?? "unknown";
}

/** Comparing the fingerprints of trunks; see STARLING_KEYS.trunkSha256. */

/** Of the 64 digits a message shows these: two trunks that agree in them by chance are not to be expected. */
const SHOWN_DIGITS = 12;

/** Whether two fingerprints are known and differ: then what was fitted to the one is nothing to the other. */
export function isForeign(first: string | undefined, second: string | undefined): first is string {
  return first !== undefined && second !== undefined && first !== second;
}

/** As messages show it. */
export function shortTrunk(sha256: string | undefined): string {
  return sha256?.slice(0, SHOWN_DIGITS) ?? "unknown";
}

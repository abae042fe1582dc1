/** What rated responses call their fields, where no data set has fixed it. */

export const PROMPTS: readonly string[] = ["prompt", "messages", "instruction", "question", "query"];
/** Higher is better. */
export const SCORES: readonly string[] = ["score", "rating", "reward", "grade"];
/** Lower is better. */
export const RANKS: readonly string[] = ["rank"];

/** The one name of several that is there; undefined: none or more than one. */
export function theOne(names: readonly string[], isThere: (name: string) => boolean): string | undefined {
  const found = names.filter(isThere);
  return found.length === 1 ? found[0] : undefined;
}

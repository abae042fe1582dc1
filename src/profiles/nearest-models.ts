/** Which models of the catalogue a mistyped name may mean. */
import { catalogue } from "./catalogue.ts";

/** Most names in a message. */
const MOST = 3;
/** Less than this share of letter pairs in common is another name. */
const LEAST_SIMILAR = 0.45;

/** Fewer letters than this begin too many names. */
const LEAST_BEGUN = 3;

/** The catalogue's names nearest to `name`, which may also be mistyped for a repository's; the nearest first. */
export function nearestModels(name: string): readonly string[] {
  const wanted = plain(name);
  return catalogue
    .map((entry) => {
      const [, repository = ""] = entry.repository.split("/");
      const known = [entry.name, repository, entry.repository].map(plain);
      return { name: entry.name, similarity: Math.max(...known.map((text) => similarity(wanted, text))) };
    })
    .filter((entry) => entry.similarity >= LEAST_SIMILAR)
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, MOST)
    .map((entry) => entry.name);
}

/** In lower case, without what stands between words. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_./@-]+/g, "");
}

/** The share of letter pairs in common (Dice), from 0 to 1; 1 for the beginning of a name. */
function similarity(wanted: string, known: string): number {
  if (wanted.length >= LEAST_BEGUN && known.startsWith(wanted)) return 1;
  const [a, b] = [letterPairs(wanted), letterPairs(known)];
  const left = [...b];
  let common = 0;
  for (const pair of a) {
    const at = left.indexOf(pair);
    if (at === -1) continue;
    left.splice(at, 1);
    common += 1;
  }
  return (2 * common) / (a.length + b.length);
}

/** The first and the last letter count as pairs, too. */
function letterPairs(text: string): readonly string[] {
  const within = ` ${text} `;
  return Array.from({ length: within.length - 1 }, (_, i) => within.slice(i, i + 2));
}

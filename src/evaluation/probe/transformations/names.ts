/** Other first names, in the prompt and in the response alike. */
import type { Aids, Subject, Transformation } from "./transformation.ts";

/** Of several origins; none is also a common word, a month or a place. */
const WOMEN = [
  ...[
    "Alice",
    "Anna",
    "Emily",
    "Emma",
    "Laura",
    "Lisa",
    "Maria",
    "Sarah",
    "Susan",
    "Julia",
    "Katie",
    "Megan",
    "Rachel",
  ],
  ...["Aisha", "Fatima", "Lakisha", "Latoya", "Mei", "Priya", "Yuki", "Ximena", "Zainab"],
] as const;
const MEN = [
  ...["Adam", "Brian", "Daniel", "David", "Greg", "James", "John", "Kevin", "Michael", "Peter", "Robert", "Tom", "Bob"],
  ...["Ahmed", "Carlos", "Darnell", "Hiroshi", "Jamal", "Mohammed", "Rajesh", "Tyrone", "Wei"],
] as const;

const KNOWN: ReadonlyMap<string, readonly string[]> = new Map(
  [WOMEN, MEN].flatMap((group) => group.map((name) => [name, group] as const)),
);

/** A letter, a digit or an accent; such a neighbour makes another word of a name. */
const LETTER = "[\\w\\u00c0-\\u024f\\u0300-\\u036f]";
const ANY_NAME = new RegExp(`(?<!${LETTER}-?)(?:${[...KNOWN.keys()].join("|")})(?!-?${LETTER})`, "g");
/** What makes a name that of a known person: a surname, an initial or a number after it, a title before it. */
const SURNAME = /^[ \u00a0]+[A-Z\u00c0-\u00de]/;
const TITLE =
  /(?:King|Queen|Prince|Princess|Saint|St\.?|Pope|President|Emperor|Lord|Lady|Sir|Dame|San|Santa)[ \u00a0]$/;

export const names: readonly Transformation[] = [
  {
    name: "names",
    description: "Replaces first names by others, alike in prompt and response.",
    expected: "stay",
    needs: "a common first name without a surname or title",
    source:
      "Invariance to names: M. T. Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList (ACL 2020), arXiv 2005.04118",
    apply: changeNames,
  },
];

function changeNames({ before, response }: Subject, { rowTexts, pick }: Aids): Subject | undefined {
  const replaced = replacements(rowTexts, pick);
  if (replaced.size === 0) return undefined;
  const change = (text: string) => text.replaceAll(ANY_NAME, (name) => replaced.get(name) ?? name);
  return {
    before: before.map((message) => ({ ...message, content: change(message.content) })),
    response: change(response),
  };
}

/** The same for all responses of a row, so that they go on answering the same prompt. */
function replacements(texts: readonly string[], pick: Aids["pick"]): ReadonlyMap<string, string> {
  const { found, famous } = namesIn(texts);
  const replaced = new Map<string, string>();
  const used = new Set(found);
  for (const name of [...found].sort()) {
    if (famous.has(name)) continue;
    const [first, ...others] = (KNOWN.get(name) ?? []).filter((other) => !used.has(other));
    if (first === undefined) continue;
    const other = pick([first, ...others], name);
    used.add(other);
    replaced.set(name, other);
  }
  return replaced;
}

interface FoundNames {
  readonly found: ReadonlySet<string>;
  /** Those of known persons. */
  readonly famous: ReadonlySet<string>;
}

/** A row with many responses is searched once. */
const searched = new WeakMap<readonly string[], FoundNames>();

function namesIn(texts: readonly string[]): FoundNames {
  const known = searched.get(texts);
  if (known !== undefined) return known;
  const found = new Set<string>();
  const famous = new Set<string>();
  for (const text of texts)
    for (const { 0: name, index } of text.matchAll(ANY_NAME)) {
      found.add(name);
      const after = text.slice(index + name.length, index + name.length + NEAR);
      if (SURNAME.test(after) || TITLE.test(text.slice(Math.max(0, index - NEAR), index))) famous.add(name);
    }
  searched.set(texts, { found, famous });
  return { found, famous };
}

/** Characters that a title and the space after it have at most. */
const NEAR = 12;

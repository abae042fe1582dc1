/**
 * Parts of texts. Characters are recognised by fixed ranges, not by the properties of the JavaScript engine's version of Unicode, so
 * that every version of Node finds the same parts.
 */

/** A blank line. */
const PARAGRAPH_BREAK = /(\n[ \t]*\n\s*)/;

/** The paragraphs and what is between them, alternating; joined they are the text. */
export function paragraphsOf(text: string): string[] {
  return text.split(PARAGRAPH_BREAK);
}

/**
 * Ends of sentences: with closing quotes and brackets, before white space; those of Chinese and Japanese anywhere. A match starts
 * only where a run of marks does, so that long runs take no longer than other texts.
 */
const SENTENCE_END = /(?<![.!?…؟۔।])[.!?…؟۔।]+["'”’»)\]]*(?=\s)|[。！？]+["'”’」』）]*/g;
/** Words with a full stop that does not end a sentence; also single letters and numbers. */
const ABBREVIATION = /(?:^|[\s("'“‘])(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|cf|no|fig|approx|[a-z]|\d+)\.$/i;
/** More characters than any of them has. */
const MAX_ABBREVIATION = 12;

/** The sentences without the white space around them. */
export function sentencesOf(text: string): string[] {
  const sentences: string[] = [];
  let from = 0;
  for (const { 0: end, index } of text.matchAll(SENTENCE_END)) {
    const to = index + end.length;
    const next = text.slice(to).trimStart()[0] ?? "";
    const word = text.slice(Math.max(from, to - MAX_ABBREVIATION), to);
    if (ABBREVIATION.test(word) || (end.startsWith(".") && /[a-z]/.test(next))) continue;
    sentences.push(text.slice(from, to).trim());
    from = to;
  }
  return [...sentences, text.slice(from).trim()].filter((sentence) => sentence !== "");
}

/** Code, and tables: their lines cannot be moved or decorated. */
export function hasCode(text: string): boolean {
  return /```|~~~|^ {0,3}\|.*\||^(?: {4}|\t)\S/m.test(text);
}

const LATIN = /[a-z\u00c0-\u024f\u1e00-\u1eff]/gi;
/** Letters of other scripts: Greek to the last Indic ones, Chinese, Japanese, Korean, and presentation forms. */
const OTHER =
  /[\u0370-\u1dff\u1f00-\u1fff\u2c00-\u2dff\u3040-\ua9ff\uaa00-\ud7ff\uf900-\ufaff\ufb13-\ufdff\ufe70-\ufefc\uff66-\uffdc]|[\u{10000}-\u{1efff}\u{20000}-\u{3ffff}]/gu;

/** Whether at least half of the letters are Latin; also without any letters. */
export function isLatin(text: string): boolean {
  return (text.match(LATIN)?.length ?? 0) >= (text.match(OTHER)?.length ?? 0);
}

/** Marks and selectors that belong to the character before them: Latin, Cyrillic, Hebrew, Arabic, Devanagari, Thai, kana, emoji. */
const ATTACHED: readonly (readonly [first: number, last: number])[] = [
  ...([
    [0x300, 0x36f],
    [0x483, 0x489],
    [0x591, 0x5c7],
    [0x610, 0x61a],
    [0x64b, 0x65f],
    [0x670, 0x670],
  ] as const),
  ...([
    [0x6d6, 0x6ed],
    [0x900, 0x903],
    [0x93a, 0x94f],
    [0xe31, 0xe3a],
    [0xe47, 0xe4e],
    [0x1ab0, 0x1aff],
  ] as const),
  ...([
    [0x1dc0, 0x1dff],
    [0x200c, 0x200d],
    [0x20d0, 0x20ff],
    [0x3099, 0x309a],
    [0xfe00, 0xfe0f],
  ] as const),
  ...([
    [0xfe20, 0xfe2f],
    [0x1f3fb, 0x1f3ff],
    [0xe0020, 0xe007f],
  ] as const),
];
const JOINER = "\u200d";

/** Whether a text can be cut between two of its code points without parting what a reader sees as one character. */
export function canPart(before: string, after: string): boolean {
  const point = after.codePointAt(0) ?? 0;
  const isAttached = ATTACHED.some(([first, last]) => point >= first && point <= last);
  return !isAttached && before !== JOINER && !(isFlag(before) && isFlag(after));
}

/** Two of these letters are a flag; which two belong together is not known here. */
function isFlag(point: string): boolean {
  return /^[\u{1f1e6}-\u{1f1ff}]/u.test(point);
}

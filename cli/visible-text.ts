/** Text for terminals: it cannot move the cursor, and its width is known. */

// Control and format characters, separators, lone surrogates; the joiners of emoji and Persian (200C, 200D) stay.
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `text` on one line; control and invisible characters become escapes. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (c) => SHORT_ESCAPES[c] ?? `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

let segmenter: Intl.Segmenter | undefined;
/** The longest emoji sequences have about ten code points; more are stacked marks that draw over other lines. */
const MAX_POINTS_PER_CLUSTER = 12;
/** UTF-16 units examined per column: enough for what fits, little of a text of many megabytes. */
const MAX_UNITS_PER_COLUMN = 24;

/** What a reader sees as one character each. Made when it is needed: it takes 15 ms. */
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** The start of `text` in at most `columns` columns, escaped, with "…" if it was cut. */
export function preview(text: string, columns: number): string {
  const head = text.slice(0, (columns + 1) * MAX_UNITS_PER_COLUMN);
  let out = "";
  let width = 0;
  let fitting = 0;
  for (const { segment } of graphemes(visible(head))) {
    const points = Array.from(segment);
    const cluster = points.slice(0, MAX_POINTS_PER_CLUSTER).join("");
    const next = width + clusterWidth(cluster);
    if (next > columns) return `${out.slice(0, fitting)}…`;
    out += cluster;
    width = next;
    if (width < columns) fitting = out.length;
  }
  return head.length < text.length ? `${out.slice(0, fitting)}…` : out;
}

/** Width of `text` in terminal columns. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes(text)) width += clusterWidth(segment);
  return width;
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - textWidth(text))) + text;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

function clusterWidth(cluster: string): number {
  if (/\p{Emoji_Presentation}|\ufe0f/u.test(cluster)) return 2;
  const first = cluster.codePointAt(0) ?? 0;
  if (/^[\p{M}\u200c\u200d]/u.test(cluster)) return 0;
  return isWide(first) ? 2 : 1;
}

// Unicode's East_Asian_Width W and F, neighbouring ranges joined; emoji are recognised above.
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2fb],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

function isWide(point: number): boolean {
  return WIDE.some(([first, last]) => point >= first && point <= last);
}

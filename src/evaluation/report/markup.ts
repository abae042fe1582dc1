/** HTML templates that escape every value, and text formatting for the page. */

/** A piece of safe HTML; inserted without escaping. */
export class Markup {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** `false` and undefined render as nothing. */
export type Content = Markup | string | number | false | undefined | readonly Content[];

/** Template tag: escapes all values except {@link Markup}, and joins lists. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let source = parts[0] ?? "";
  for (const [i, value] of values.entries()) source += sourceOf(value) + (parts[i + 1] ?? "");
  return new Markup(source);
}

function sourceOf(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Markup) return content.source;
  if (typeof content === "object") return content.map(sourceOf).join("");
  return typeof content === "number" ? String(content) : shown(content).source;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** Runs of one control or format character, separator or lone surrogate. The joiners of emoji and Persian (200C, 200D) stay. */
const HIDDEN = /((?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}])\1*/gu;

/** Escapes HTML, and replaces invisible and direction-changing characters by their code. */
function shown(text: string): Markup {
  const escaped = text.replace(/\r\n/g, "\n").replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
  return new Markup(
    escaped.replace(HIDDEN, (run, first: string) => {
      const code = (first.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      const times = run.length / first.length;
      return `⟨U+${code}${times === 1 ? "" : ` × ${times}`}⟩`;
    }),
  );
}

/** The first `most` UTF-16 units of a text, with a note if it was cut. */
export function beginning(text: string, most: number): Content {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  const end = last >= 0xd800 && last < 0xdc00 ? most - 1 : most;
  const rest = text.length - end;
  return [text.slice(0, end), html`<span class="cut">… ${grouped(rest)} more characters</span>`];
}

/** The first `most` UTF-16 units of a text, with an ellipsis if it was cut. */
export function short(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return `${text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most)}…`;
}

/** The beginning of a text on one line. */
export function firstLine(text: string, most: number): string {
  // Only what can fit: texts have megabytes.
  return short(
    text
      .slice(0, 4 * most)
      .replace(/\s+/g, " ")
      .trim(),
    most,
  );
}

/** 12345 as 12,345. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 case`, `2 cases`. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** The worst mistakes with their texts, and the fields that search them. */
import type { JudgedText, Mistake } from "../measures/mistakes.ts";
import type { BenchmarkReport } from "../report.ts";
import { beginning, type Content, firstLine, grouped, html, type Markup, plural, short } from "./markup.ts";
import { real } from "./numbers.ts";

const MAX_NAME = 60;
const MAX_SOURCE = 120;
const MAX_LINE = 160;
/** UTF-16 units. The JSON report has the whole text. */
const MAX_TEXT = 4000;
/** Of further mistakes: a page with hundreds of them must stay quick. */
const MAX_LATER_TEXT = 1200;
/** Mistakes whose texts are shown at full length. */
const WHOLE = 20;
/** Mistakes that are expanded from the start. */
const OPEN = 2;

export function mistakesBlock(id: string, report: BenchmarkReport): Content {
  const { mistakes, sources } = report;
  if (mistakes.length === 0) return undefined;
  const subsets = [...new Set(mistakes.flatMap(({ subset }) => subset ?? []))].sort();
  const used = sources.map(({ name }, i) => ({ name, i })).filter(({ i }) => mistakes.some((one) => one.source === i));
  return html`<div class="block" data-mistakes><h3>Worst mistakes</h3><p class="note">Prompts where the worse response beat the better one by the
largest margin. Invisible characters are shown by their code.</p>
${searchBar(id, {
  ...{ label: "Search in texts", noun: "mistake", count: mistakes.length },
  choices: [
    subsets.length > 1 &&
      choice(
        "Subset",
        "subset",
        subsets.map((subset, i) => ({ text: short(subset, MAX_NAME), value: i })),
      ),
    used.length > 1 &&
      choice(
        "Source",
        "source",
        used.map(({ name, i }) => ({ text: `${i + 1}: ${short(name, MAX_SOURCE)}`, value: i })),
      ),
  ],
})}
<div class="mistakes block">${mistakes.map((one, i) =>
    mistake(one, {
      isOpen: i < OPEN,
      isLong: i < WHOLE,
      isOneOfMany: sources.length > 1,
      subset: one.subset === undefined ? -1 : subsets.indexOf(one.subset),
    }),
  )}</div></div>`;
}

/** A choice between values of a `data-` attribute; texts of data sets stay out of attributes. */
function choice(
  name: string,
  attribute: string,
  values: readonly { readonly text: string; readonly value: number }[],
): Markup {
  return html`<label><span>${name}</span><select name="${attribute}"><option value="">all</option>${values.map(
    ({ text, value }) => html`<option value="${value}">${text}</option>`,
  )}</select></label>`;
}

interface MistakeOptions {
  /** Expanded from the start. */
  readonly isOpen: boolean;
  /** Long texts are shown. */
  readonly isLong: boolean;
  /** The place names the source. */
  readonly isOneOfMany: boolean;
  /** Number of the subset among those of the filter. */
  readonly subset: number;
}

function mistake(one: Mistake, { isOpen, isLong, isOneOfMany, subset }: MistakeOptions): Markup {
  const { source, row, id, prompt, better, worse, margin } = one;
  const where = [
    `${isOneOfMany ? `source ${source + 1}, ` : ""}row ${grouped(row)}`,
    id !== undefined && short(id, MAX_NAME),
    one.subset !== undefined && short(one.subset, MAX_NAME),
  ];
  const most = isLong ? MAX_TEXT : MAX_LATER_TEXT;
  return html`<details class="mistake" data-source="${source}" data-subset="${subset}"${isOpen && html` open`}><summary>${headOf(real(margin), prompt, where)}</summary>
<div class="texts"><div class="prompt"><h4><b>Prompt</b></h4>${textBox(prompt, most)}</div>
${judged("Better", better, most)}${judged("Worse, but scored higher", worse, most)}</div></details>\n`;
}

function judged(name: string, { text, label, score, tokenCount }: JudgedText, most: number): Markup {
  const title = label === undefined ? name : `${name}: ${short(label, MAX_NAME)}`;
  return html`<div><h4><b>${title}</b><span>score ${real(score)} · ${grouped(tokenCount)} tokens</span></h4>
${textBox(text, most)}</div>`;
}

/** The line of a mistake: its margin, the beginning of the prompt, and its place. Each part has its own direction of writing. */
export function headOf(margin: string, prompt: string, where: readonly (string | false)[]): Markup {
  return html`<span class="margin">${margin}</span>${
    prompt !== "" && html`<span class="line1" dir="auto">${firstLine(prompt, MAX_LINE)}</span>`
  }<span class="where">${where.map((part) => part !== false && html`<span dir="auto">${part}</span> `)}</span>`;
}

/** Scrolls where it is long. */
export function textBox(text: string, most: number): Markup {
  return html`<div class="text" dir="auto" tabindex="0">${beginning(text, most)}</div>`;
}

/** What searchScript fills with life: hidden without it. */
export function searchBar(
  id: string,
  { label, noun, count, choices }: { label: string; noun: string; count: number; choices?: Content },
): Markup {
  return html`<div class="filter" hidden><label><span>${label}</span><input type="search" id="${id}-search" autocomplete="off" spellcheck="false"></label>${choices}<output for="${id}-search" data-noun="${noun}">${plural(count, noun)}</output></div>`;
}

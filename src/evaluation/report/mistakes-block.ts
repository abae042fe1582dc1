/** The worst mistakes with their texts, which come from anywhere and may hold anything. */
import type { BenchmarkReport, JudgedText, Mistake } from "../report.ts";
import { beginning, type Content, grouped, html, type Markup, short } from "./markup.ts";
import { real } from "./numbers.ts";

/** Enough of a text to see why it was chosen; UTF-16 units. The JSON report has all of it. */
const MAX_TEXT = 4000;
const MAX_LINE = 160;
const MAX_NAME = 60;
/** Mistakes whose texts one sees without a click. */
const OPEN = 2;

export function mistakesBlock({ mistakes, sources }: BenchmarkReport): Content {
  if (mistakes.length === 0) return undefined;
  return html`<div class="block"><h3>Worst mistakes</h3><p class="note">The prompts where the worse response beat the better one by
the largest margin. Texts are shown as they are; invisible characters are named.</p>
<div class="mistakes block">${mistakes.map((own, i) => mistake(own, i < OPEN, sources.length > 1))}</div></div>`;
}

function mistake(
  { source, row, id, subset, prompt, better, worse, margin }: Mistake,
  open: boolean,
  many: boolean,
): Markup {
  const where = [
    `${many ? `source ${source + 1}, ` : ""}row ${grouped(row)}`,
    id !== undefined && short(id, MAX_NAME),
    subset !== undefined && short(subset, MAX_NAME),
  ];
  const line = short(
    prompt
      .slice(0, 4 * MAX_LINE)
      .replace(/\s+/g, " ")
      .trim(),
    MAX_LINE,
  );
  return html`<details class="mistake"${open && html` open`}><summary><span class="margin">${real(margin)}</span><span class="line1" dir="auto">${line}</span><span class="where">${where
    .filter((part) => part !== false)
    .join(" · ")}</span></summary>
<div class="texts"><div class="prompt"><h4><b>Prompt</b></h4><div class="text" dir="auto" tabindex="0">${beginning(prompt, MAX_TEXT)}</div></div>
${judged("Better", better)}${judged("Worse, scored higher", worse)}</div></details>\n`;
}

function judged(name: string, { text, label, score, tokenCount }: JudgedText): Markup {
  const title = label === undefined ? name : `${name}: ${short(label, MAX_NAME)}`;
  return html`<div><h4><b>${title}</b><span>score ${real(score)} · ${grouped(tokenCount)} tokens</span></h4>
<div class="text" dir="auto" tabindex="0">${beginning(text, MAX_TEXT)}</div></div>`;
}

/** Whether scores follow length: the verdict, the chart and what it rests on. */
import type { LengthGroup, LengthMeasures } from "../measures/length.ts";
import { accuracyChart } from "./charts.ts";
import { grouped, html, type Markup } from "./markup.ts";
import { share, signedShare } from "./numbers.ts";
import { binTable, table } from "./table.ts";

/** To be seen at once where there is a bias; see {@link lengthBlock} for where there is none. */
export function lengthVerdictBlock({ verdict }: LengthMeasures): Markup {
  const title = verdict.biased ? "Length bias." : verdict.kind === "unknown" ? "Length bias unknown." : "Length.";
  return html`<p class="verdict${verdict.biased && " bad"}"><strong>${title}</strong>${verdict.sentence}</p>`;
}

export function lengthBlock(id: string, length: LengthMeasures): Markup {
  const { betterLonger, betterShorter, equal, withinPrompts, overall, gap, gapError } = length;
  const name = "characters (better − worse)";
  const row = (title: string, { comparisons, accuracy }: LengthGroup) => [title, grouped(comparisons), share(accuracy)];
  const correlations = [
    ["within prompts", withinPrompts],
    ["overall", overall],
  ] as const;
  return html`<figure><figcaption><h3>Accuracy against length</h3><p class="note">By how much longer the better response is; a
model that does not look at length has bars of much the same height on both sides.</p></figcaption>
${accuracyChart(id, "Accuracy against length difference", name, length.accuracyByDifference)}
${binTable(name, length.accuracyByDifference)}</figure>
<div class="wide"><h3>Length bias</h3>${!length.verdict.biased && lengthVerdictBlock(length)}<div class="columns"><div>${table(
    {
      columns: ["The better response is", "comparisons", "accuracy"],
      rows: [row("longer", betterLonger), row("shorter", betterShorter), row("as long", equal)],
    },
  )}<p class="note">${
    gap !== undefined &&
    `Gap of the first two ${signedShare(gap)}${gapError === undefined ? "" : ` (standard error ${share(gapError)})`}. `
  }“The longer one wins” would be right in ${share(length.accuracyOfLonger)}.</p></div><div>${table({
    columns: ["Correlation of reward with length", "Pearson", "Spearman"],
    rows: correlations.map(([title, { pearson, spearman }]) => [title, share(pearson), share(spearman)]),
  })}</div></div></div>`;
}

/** The blocks of a benchmark's section on rankings and length bias. */
import type { LengthGroup, LengthMeasures } from "../measures/length.ts";
import type { RankingMeasures } from "../measures/ranking.ts";
import { accuracyChart } from "./charts.ts";
import { type Content, grouped, html, type Markup } from "./markup.ts";
import { share, signedShare } from "./numbers.ts";
import { binTable, table } from "./table.ts";

export function rankingBlock(ranking: RankingMeasures | undefined): Content {
  if (ranking === undefined) return undefined;
  const { top1, top1AtRandom, kendall, kendallUndefined, negativeLogLikelihood, negativeLogLikelihoodAtRandom } =
    ranking;
  return html`<div class="block"><h3>Whole rankings</h3>${table({
    columns: ["Measure", "this model", "random order"],
    rows: [
      ["best response ranked first (top-1)", share(top1), share(top1AtRandom)],
      ["Kendall’s τ-b", share(kendall), "0.000"],
      ["K-wise negative log-likelihood, nats", share(negativeLogLikelihood), share(negativeLogLikelihoodAtRandom)],
    ],
  })}<p class="note">Means over ${grouped(ranking.cases)} prompts${
    kendallUndefined > 0 && `; τ excludes ${grouped(kendallUndefined)} with equal scores only`
  }.</p></div>`;
}

/** At the top of the section if there is a bias; otherwise part of {@link lengthBlock}. */
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
  return html`<figure><figcaption><h3>Accuracy by length difference</h3><p class="note">A model that ignores length has bars of
about the same height on both sides of 0.</p></figcaption>
${accuracyChart(id, "Accuracy by length difference", name, length.accuracyByDifference)}
${binTable(name, length.accuracyByDifference)}</figure>
<div><h3>Length bias</h3>${!length.verdict.biased && lengthVerdictBlock(length)}<div class="block">${table({
    columns: ["Better response", "comparisons", "accuracy"],
    rows: [row("longer", betterLonger), row("shorter", betterShorter), row("equally long", equal)],
  })}<p class="note">${
    gap !== undefined &&
    `Gap between the first two: ${signedShare(gap)}${gapError === undefined ? "" : ` (standard error ${share(gapError)})`}. `
  }The rule “longer wins” has an accuracy of ${share(length.accuracyOfLonger)}.</p></div><div class="block">${table({
    columns: ["Correlation of score and length", "Pearson", "Spearman"],
    rows: correlations.map(([title, { pearson, spearman }]) => [title, share(pearson), share(spearman)]),
  })}</div></div>`;
}

/** The blocks of a benchmark's section: rankings, the official score, length bias, worst mistakes. */
import type { LengthGroup, LengthMeasures } from "../measures/length.ts";
import type { OfficialScore } from "../measures/measure.ts";
import type { JudgedText, Mistake } from "../measures/mistakes.ts";
import type { RankingMeasures } from "../measures/ranking.ts";
import type { RewardBenchScore } from "../measures/reward-bench.ts";
import type { RewardBench2Score } from "../measures/reward-bench-2.ts";
import type { BenchmarkReport } from "../report.ts";
import { accuracyChart } from "./charts.ts";
import { beginning, type Content, grouped, html, type Markup, short } from "./markup.ts";
import { ABSENT, real, share, signedShare } from "./numbers.ts";
import { ppeBlock, rmBenchBlock } from "./reward-blocks.ts";
import { binTable, table } from "./table.ts";

const MAX_LISTED = 12;
const MAX_NAME = 60;

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

export function officialScoreBlock(official: OfficialScore | undefined, id: string): Content {
  if (official === undefined) return undefined;
  if (official.kind === "rmbench") return rmBenchBlock(official);
  if (official.kind === "ppe") return ppeBlock(official, id);
  return official.kind === "rewardbench" ? sectionsBlock(official) : subsetScoresBlock(official);
}

function sectionsBlock({
  score,
  scoreByItsOwnCode,
  sections,
  missingSections,
  unknownSubsets,
}: RewardBenchScore): Markup {
  const notes = [
    missingSections.length > 0 &&
      `No cases in ${missingSections.join(", ")}, so there is no overall score. RewardBench's own code counts a missing section as 0 ` +
        `and gives ${share(scoreByItsOwnCode)}.`,
    ...sections
      .filter(({ missing }) => missing.length > 0)
      .map(({ section, missing }) => `Missing in ${section}: ${missing.join(", ")}.`),
    unknownNote(unknownSubsets),
  ];
  return block("RewardBench score", score, notes, [
    ["Section", "Cases", "Score"],
    ...sections.map((part) => [part.section, grouped(part.cases), share(part.score)]),
  ]);
}

function subsetScoresBlock({ score, subsets, ties, missingSubsets, unknownSubsets }: RewardBench2Score): Markup {
  const notes = [
    missingSubsets.length > 0 && `No score for ${missingSubsets.join(", ")}, so there is no overall score.`,
    ties &&
      `Ties: accuracy ${share(ties.tiedAccuracy)} with several correct answers, ${share(ties.refAccuracy)} with one; gap wider than the ` +
        `spread in ${share(ties.preferred)} of ${grouped(ties.pairs)} pairs, in ${share(ties.preferredHard)} for the pair's smaller gap.`,
    unknownNote(unknownSubsets),
  ];
  return block("RewardBench 2 score", score, notes, [
    ["Subset", "Cases", "Score"],
    ...subsets.map((part) => [short(part.subset, MAX_NAME), grouped(part.cases), share(part.score)]),
  ]);
}

function unknownNote(subsets: readonly string[]): string | false {
  if (subsets.length === 0) return false;
  const named = subsets.slice(0, MAX_LISTED).map((subset) => short(subset, MAX_NAME));
  const more = subsets.length > MAX_LISTED ? ` and ${grouped(subsets.length - MAX_LISTED)} more` : "";
  return `Not part of the benchmark and its score: ${named.join(", ")}${more}.`;
}

function block(
  title: string,
  score: number | undefined,
  notes: readonly (string | false | undefined)[],
  [columns = [], ...rows]: readonly (readonly string[])[],
): Markup {
  return html`<div class="block"><h3>${title}: ${score === undefined ? ABSENT : share(score)}</h3>${table({ columns, rows })}${notes.map(
    (note) => note && html`<p class="note">${note}</p>`,
  )}</div>`;
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
<div class="wide"><h3>Length bias</h3>${!length.verdict.biased && lengthVerdictBlock(length)}<div class="columns"><div>${table(
    {
      columns: ["Better response", "comparisons", "accuracy"],
      rows: [row("longer", betterLonger), row("shorter", betterShorter), row("equally long", equal)],
    },
  )}<p class="note">${
    gap !== undefined &&
    `Gap between the first two: ${signedShare(gap)}${gapError === undefined ? "" : ` (standard error ${share(gapError)})`}. `
  }The rule “longer wins” has an accuracy of ${share(length.accuracyOfLonger)}.</p></div><div>${table({
    columns: ["Correlation of score and length", "Pearson", "Spearman"],
    rows: correlations.map(([title, { pearson, spearman }]) => [title, share(pearson), share(spearman)]),
  })}</div></div></div>`;
}

/** UTF-16 units. The JSON report has the whole text. */
const MAX_TEXT = 4000;
const MAX_LINE = 160;
/** Mistakes that are expanded from the start. */
const OPEN = 2;

export function mistakesBlock({ mistakes, sources }: BenchmarkReport): Content {
  if (mistakes.length === 0) return undefined;
  return html`<div class="block"><h3>Worst mistakes</h3><p class="note">Prompts where the worse response beat the better one by the
largest margin. Invisible characters are shown by their code.</p>
<div class="mistakes block">${mistakes.map((one, i) => mistake(one, i < OPEN, sources.length > 1))}</div></div>`;
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
${judged("Better", better)}${judged("Worse, but scored higher", worse)}</div></details>\n`;
}

function judged(name: string, { text, label, score, tokenCount }: JudgedText): Markup {
  const title = label === undefined ? name : `${name}: ${short(label, MAX_NAME)}`;
  return html`<div><h4><b>${title}</b><span>score ${real(score)} · ${grouped(tokenCount)} tokens</span></h4>
<div class="text" dir="auto" tabindex="0">${beginning(text, MAX_TEXT)}</div></div>`;
}

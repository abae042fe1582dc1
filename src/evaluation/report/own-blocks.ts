/** Scores by a benchmark's own rules, and how whole rankings came out. */
import type { RankingMeasures } from "../measures/ranking.ts";
import type { RewardBenchScore } from "../measures/reward-bench.ts";
import type { RewardBench2Score } from "../measures/reward-bench-2.ts";
import { type Content, grouped, html, type Markup, short } from "./markup.ts";
import { ABSENT, share } from "./numbers.ts";
import { table } from "./table.ts";

const MAX_LISTED = 12;
const MAX_NAME = 60;

export function rankingBlock(ranking: RankingMeasures | undefined): Content {
  if (ranking === undefined) return undefined;
  const { top1, top1AtRandom, kendall, kendallUndefined, negativeLogLikelihood, negativeLogLikelihoodAtRandom } =
    ranking;
  return html`<div class="block"><h3>Whole rankings</h3>${table({
    columns: ["Of a prompt's responses", "this model", "at random"],
    rows: [
      ["best response found (top-1)", share(top1), share(top1AtRandom)],
      ["Kendall’s τ-b", share(kendall), "0.000"],
      ["K-wise negative log-likelihood, nats", share(negativeLogLikelihood), share(negativeLogLikelihoodAtRandom)],
    ],
  })}<p class="note">Means over ${grouped(ranking.cases)} prompts${
    kendallUndefined > 0 && `; τ leaves out ${grouped(kendallUndefined)}, whose scores are all equal`
  }.</p></div>`;
}

export function ownScoreBlock(own: RewardBenchScore | RewardBench2Score | undefined): Content {
  if (own === undefined) return undefined;
  return own.kind === "rewardbench" ? sectionsBlock(own) : subsetScoresBlock(own);
}

function sectionsBlock({ score, sections, missingSections, unknownSubsets }: RewardBenchScore): Markup {
  const notes = [
    ...missingSections.map((section) => `No case is of the section ${section}, so that there is no overall score.`),
    ...sections
      .filter(({ missing }) => missing.length > 0)
      .map(({ section, missing }) => `${section} lacks ${missing.join(", ")}.`),
    unknownNote(unknownSubsets),
  ];
  return block("RewardBench score", score, notes, [
    ["Section", "Cases", "Score"],
    ...sections.map(({ section, cases, score: own }) => [section, grouped(cases), share(own)]),
  ]);
}

function subsetScoresBlock({ score, subsets, ties, missingSubsets, unknownSubsets }: RewardBench2Score): Markup {
  const notes = [
    missingSubsets.length > 0 && `No score of ${missingSubsets.join(", ")}, so that there is no overall score.`,
    ties &&
      `Ties: accuracy ${share(ties.tiedAccuracy)} with several correct answers, ${share(ties.refAccuracy)} with one; gap wider than the ` +
        `spread in ${share(ties.preferred)}, with the pair's smaller gap in ${share(ties.preferredHard)} of ${grouped(ties.pairs)} pairs.`,
    unknownNote(unknownSubsets),
  ];
  return block("RewardBench 2 score", score, notes, [
    ["Subset", "Cases", "Score"],
    ...subsets.map(({ subset, cases, score: own }) => [short(subset, MAX_NAME), grouped(cases), share(own)]),
  ]);
}

function unknownNote(subsets: readonly string[]): string | false {
  if (subsets.length === 0) return false;
  const named = subsets.slice(0, MAX_LISTED).map((subset) => short(subset, MAX_NAME));
  const more = subsets.length > MAX_LISTED ? ` and ${grouped(subsets.length - MAX_LISTED)} more` : "";
  return `Not part of the benchmark, and not of its score: ${named.join(", ")}${more}.`;
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

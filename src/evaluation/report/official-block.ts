/** A benchmark's official score, by its parts. */
import type { OfficialScore } from "../measures/measure.ts";
import type { RewardBenchScore } from "../measures/reward-bench.ts";
import type { RewardBench2Score } from "../measures/reward-bench-2.ts";
import { ACCURACY_AT_RANDOM } from "./headline.ts";
import { type Content, grouped, html, type Markup, short } from "./markup.ts";
import { share } from "./numbers.ts";
import { partsChart } from "./parts-chart.ts";
import { ppeBlock, rmBenchBlock } from "./reward-blocks.ts";
import { table } from "./table.ts";

const MAX_LISTED = 12;
const MAX_NAME = 60;
/** More rows would make the chart too tall. */
const MAX_ROWS = 16;

export function officialScoreBlock(id: string, official: OfficialScore | undefined): Content {
  if (official === undefined) return undefined;
  if (official.kind === "rmbench") return rmBenchBlock(official);
  if (official.kind === "ppe") return ppeBlock(official, id);
  return official.kind === "rewardbench" ? sectionsBlock(id, official) : subsetScoresBlock(id, official);
}

function sectionsBlock(id: string, official: RewardBenchScore): Markup {
  const { score, scoreByItsOwnCode, sections, missingSections, unknownSubsets } = official;
  const notes = [
    missingSections.length > 0 &&
      `No cases in ${missingSections.join(", ")}, so there is no overall score. RewardBench's own code counts a missing section as 0 ` +
        `and gives ${share(scoreByItsOwnCode)}.`,
    ...sections
      .filter(({ missing }) => missing.length > 0)
      .map(({ section, missing }) => `Missing in ${section}: ${missing.join(", ")}.`),
    unknownNote(unknownSubsets),
  ];
  const parts = sections.map((part) => ({ ...part, name: part.section, atRandom: ACCURACY_AT_RANDOM }));
  return block(id, { title: "RewardBench score", part: "Section", score, notes, parts });
}

function subsetScoresBlock(id: string, official: RewardBench2Score): Markup {
  const { score, subsets, ties, missingSubsets, unknownSubsets } = official;
  const notes = [
    missingSubsets.length > 0 && `No score for ${missingSubsets.join(", ")}, so there is no overall score.`,
    ties &&
      `Ties: accuracy ${share(ties.tiedAccuracy)} with several correct answers, ${share(ties.refAccuracy)} with one; gap wider than the ` +
        `spread in ${share(ties.preferred)} of ${grouped(ties.pairs)} pairs, in ${share(ties.preferredHard)} for the pair's smaller gap.`,
    unknownNote(unknownSubsets),
  ];
  const parts = subsets.map((part) => ({ ...part, name: part.subset }));
  return block(id, { title: "RewardBench 2 score", part: "Subset", score, notes, parts });
}

function unknownNote(subsets: readonly string[]): string | false {
  if (subsets.length === 0) return false;
  const named = subsets.slice(0, MAX_LISTED).map((subset) => short(subset, MAX_NAME));
  const more = subsets.length > MAX_LISTED ? ` and ${grouped(subsets.length - MAX_LISTED)} more` : "";
  return `Not part of the benchmark and its score: ${named.join(", ")}${more}.`;
}

interface OfficialBlock {
  readonly title: string;
  /** What the parts are. */
  readonly part: string;
  readonly score: number | undefined;
  readonly notes: readonly (string | false | undefined)[];
  readonly parts: readonly {
    readonly name: string;
    readonly cases: number;
    readonly score: number;
    readonly atRandom?: number;
  }[];
}

function block(id: string, { title, part, score, notes, parts }: OfficialBlock): Markup {
  return html`<div class="block"><h3>${title}: ${share(score)}</h3><div class="overview">${table({
    columns: [part, "Cases", "Score", "at random"],
    rows: parts.map((row) => [short(row.name, MAX_NAME), grouped(row.cases), share(row.score), share(row.atRandom)]),
  })}${
    parts.length > 0 && html`<figure>${partsChart(`${id}-official`, title, parts.slice(0, MAX_ROWS))}</figure>`
  }</div>${notes.map((note) => note && html`<p class="note">${note}</p>`)}</div>`;
}

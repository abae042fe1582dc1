/** The blocks of what is asked of reward models: best-of-n, the models that wrote the responses, paraphrases. */
import type { BestOfNCurve } from "../measures/best-of-n.ts";
import type { ConsistencyMeasures } from "../measures/consistency.ts";
import type { Interval } from "../measures/interval.ts";
import type { ModelStanding, StrengthInterval, StrengthMeasures } from "../measures/strengths.ts";
import { chart, numberAxis } from "./charts.ts";
import { type Content, grouped, html, type Markup, plural, short } from "./markup.ts";
import { ABSENT, INTERVAL, intervalText, real, share } from "./numbers.ts";
import { numbersOf, table } from "./table.ts";

const MAX_NAME = 60;

/** The curve with its interval, the oracle's above it and the random choice's below. */
export function bestOfNBlock(id: string, curve: BestOfNCurve | undefined, title = "Best-of-n"): Content {
  if (curve === undefined) return undefined;
  const { points } = curve;
  const last = points.at(-1);
  if (last === undefined) return undefined;
  return html`<div class="block"><figure><figcaption><h3>${title}</h3><p class="note">Expected grade of the response with the highest
score among n of a prompt’s responses. Dashed: the best one of them (above), and one at random.</p></figcaption>
${bestOfNChart(id, curve)}
<p class="note">Best of ${grouped(last.n)}: ${real(last.chosen)} (${rangeText(last.interval)}); best possible ${real(
    last.oracle,
  )}, at random ${real(last.random)}. KL from one response: ${real(last.kl)} nats.</p>
${numbersOf({
  columns: ["n", "chosen", INTERVAL, "best possible", "at random", "KL, nats", "prompts"],
  rows: points.map(({ n, chosen, interval, oracle, random, kl, prompts }) => [
    grouped(n),
    real(chosen),
    rangeText(interval),
    real(oracle),
    real(random),
    real(kl),
    grouped(prompts),
  ]),
})}</figure></div>`;
}

function bestOfNChart(id: string, { points }: BestOfNCurve): Markup {
  const all = points.flatMap(({ chosen, oracle, random, interval }) => [
    ...[chosen, oracle, random],
    ...(interval ? [interval.low, interval.high] : []),
  ]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = (high - low) * 0.05 || 0.5;
  const most = points.at(-1)?.n ?? 1;
  return chart({
    id,
    title: "Best-of-n",
    description: points
      .map(({ n, chosen, oracle, random }) => `${n}: ${real(chosen)} of ${real(oracle)}, at random ${real(random)}`)
      .join("; "),
    x: numberAxis("n", 1, Math.max(2, most), Math.min(8, Math.max(1, most - 1))),
    y: numberAxis("expected grade", low - margin, high + margin, 4),
    draw: (x, y) => {
      const line = (value: (point: (typeof points)[number]) => number) =>
        points.map((point) => `${x(point.n)} ${y(value(point))}`).join("L");
      return [
        html`<path class="reference" d="M${line(({ oracle }) => oracle)}"/>`,
        html`<path class="reference" d="M${line(({ random }) => random)}"/>`,
        points.map(
          ({ n, interval }) =>
            interval && html`<path class="whisker faint" d="M${x(n)} ${y(interval.low)}V${y(interval.high)}"/>`,
        ),
        html`<path class="line" d="M${line(({ chosen }) => chosen)}"/>`,
        points.map(({ n, chosen }) => html`<circle class="right dot" cx="${x(n)}" cy="${y(chosen)}" r="3"/>`),
      ];
    },
  });
}

/** Ends of any size. */
function rangeText(interval: Interval | StrengthInterval | undefined): string {
  return interval === undefined ? ABSENT : `${real(interval.low)} to ${real(interval.high)}`;
}

export function strengthsBlock(strengths: StrengthMeasures | undefined): Content {
  if (strengths === undefined) return undefined;
  const { models, battles, prompts, kendall, spearman } = strengths;
  const cells = ({ winRate, interval, strength, strengthInterval, component }: ModelStanding): string[] => [
    `${share(winRate)} (${intervalText(interval)})`,
    strength === undefined
      ? ABSENT
      : `${real(strength)} (${rangeText(strengthInterval)})${(component ?? 1) > 1 ? `, group ${component}` : ""}`,
  ];
  return html`<div class="block full"><h3>Models that wrote the responses</h3>${table({
    columns: [
      "Model",
      "Comparisons",
      "Win rate by scores",
      "Strength by scores",
      "Win rate by labels",
      "Strength by labels",
    ],
    rows: models.map(({ model, battles: own, byScores, byLabels }) => [
      short(model, MAX_NAME),
      grouped(own),
      ...cells(byScores),
      ...cells(byLabels),
    ]),
  })}<p class="note">${plural(battles, "comparison")} of two models on ${plural(
    prompts,
    "prompt",
  )}, ties as halves. Strengths are Bradley-Terry log-odds with 95 % intervals over prompts; a model that won or lost everything
has none${kendall !== undefined && `. Orders of strength: Kendall’s τ-b ${share(kendall)}`}${
    spearman !== undefined && `, Spearman’s ρ ${share(spearman)}`
  }.</p></div>`;
}

export function consistencyBlock(measures: ConsistencyMeasures | undefined): Content {
  if (measures === undefined) return undefined;
  const { consistency, interval, always, comparisons, pairs, prompts, cases } = measures;
  if (pairs === 0)
    return html`<div class="block"><h3>Paraphrases</h3><p class="note">No two rows are paraphrases with a comparison in common.</p></div>`;
  return html`<div class="block"><h3>Paraphrases</h3><p>${share(consistency)} (${intervalText(
    interval,
  )}) of comparisons keep their order from one paraphrase to another; ${share(always)} keep it in all of them.</p><p class="note">${plural(
    comparisons,
    "comparison",
  )} on ${plural(prompts, "prompt")} in ${plural(cases, "row")}: ${plural(pairs, "pair")} of paraphrases.</p></div>`;
}

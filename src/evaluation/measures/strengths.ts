/** Win rates and strengths of the models that wrote the responses: by the reward model's scores, and by the data's own labels. Pure. */
import type { ScoredCase } from "../case.ts";
import { PromptSums } from "./accuracy.ts";
import { type Battle, type FittedComponent, fitBradleyTerry } from "./bradley-terry.ts";
import { kendallTauB, spearman } from "./correlation.ts";
import { studentQuantile } from "./distributions.ts";
import { clusteredInterval, INTERVAL_LEVEL, type Interval } from "./interval.ts";
import { PromptNumbers } from "./outcome.ts";

/** How a model does against the others. */
export interface ModelStanding {
  /** Mean outcome of its battles, 0 to 1; a tie is half a win. */
  readonly winRate: number;
  /** Of `winRate`, at 95 %, over prompts. */
  readonly interval?: Interval;
  /** Bradley-Terry log-odds against a model of average strength in its component; absent if the model lost or won all battles. */
  readonly strength?: number;
  /** Of `strength`, at 95 %: a sandwich estimate over prompts, with Student's quantile. */
  readonly strengthInterval?: StrengthInterval;
  /** Number of its component, from 1, the largest: strengths compare only within one. Absent without a strength. */
  readonly component?: number;
}

/** A confidence interval of log-odds. */
export interface StrengthInterval {
  /** Confidence level, 0 to 1. */
  readonly level: number;
  /** Lower bound. */
  readonly low: number;
  /** Upper bound. */
  readonly high: number;
}

/** A model that wrote responses. */
export interface ModelStrength {
  /** Its name in the data. */
  readonly model: string;
  /** Comparisons of its responses with another model's. */
  readonly battles: number;
  /** By the reward model's scores. */
  readonly byScores: ModelStanding;
  /** By the data's own order of the responses. */
  readonly byLabels: ModelStanding;
}

/** Comparison of the models that wrote the responses. A battle is a pair of responses of different models to one prompt. */
export interface StrengthMeasures {
  /** Their number. */
  readonly battles: number;
  /** Different prompts of the battles. */
  readonly prompts: number;
  /** Strongest by the scores first, those without a strength last. */
  readonly models: readonly ModelStrength[];
  /** Kendall's tau-b of the two orders of strength, -1 to 1; of models with both strengths. Absent where undefined. */
  readonly kendall?: number;
  /** Spearman's rho of the two. */
  readonly spearman?: number;
}

/** Strengths of one kind, with what compares them. */
export interface Ranking {
  readonly battles: readonly Battle[];
  /** The largest component; undefined without one. */
  readonly main: FittedComponent | undefined;
  /** One for each model. */
  readonly standings: readonly ModelStanding[];
}

/** All battles of a data set. */
export interface Battles {
  readonly models: readonly string[];
  readonly byScores: Ranking;
  readonly byLabels: Ranking;
  readonly prompts: number;
}

/** More names are no models, and the fit would take minutes. */
const MAX_MODELS = 400;

/** Undefined without battles. */
export function readBattles(cases: readonly ScoredCase[]): Battles | undefined {
  const numbers = new Map<string, number>();
  const prompts = new PromptNumbers();
  const [byScores, byLabels]: [Battle[], Battle[]] = [[], []];
  for (const scored of cases) {
    const { models, grades, scores } = scored;
    if (models === undefined) continue;
    for (let i = 0; i < scores.length; i++)
      for (let j = i + 1; j < scores.length; j++) {
        const [first, second, high, low] = [models[i], models[j], grades[i], grades[j]];
        if (first === undefined || second === undefined || first === second) continue;
        if (high === undefined || low === undefined) continue;
        const [one, other] = [first, second].map((name) => {
          const number = numbers.get(name) ?? numbers.size;
          numbers.set(name, number);
          return number;
        }) as [number, number];
        const prompt = prompts.of(scored);
        byScores.push({ one, other, outcome: outcomeOf(scores[i] as number, scores[j] as number), prompt });
        byLabels.push({ one, other, outcome: outcomeOf(high, low), prompt });
      }
  }
  if (byScores.length === 0 || numbers.size > MAX_MODELS) return undefined;
  const rank = (battles: readonly Battle[]) => ranking(numbers.size, battles);
  return { models: [...numbers.keys()], byScores: rank(byScores), byLabels: rank(byLabels), prompts: prompts.size };
}

function outcomeOf(one: number, other: number): number {
  return one > other ? 1 : one < other ? 0 : 0.5;
}

/** Undefined without two responses of different models to one prompt. */
export function measureStrengths(battles: Battles | undefined): StrengthMeasures | undefined {
  if (battles === undefined) return undefined;
  const { byScores, byLabels } = battles;
  const counts = new Array<number>(battles.models.length).fill(0);
  for (const { one, other } of byScores.battles)
    for (const model of [one, other]) counts[model] = (counts[model] as number) + 1;
  const models = battles.models
    .map((model, i) => ({
      model,
      battles: counts[i] as number,
      byScores: byScores.standings[i] as ModelStanding,
      byLabels: byLabels.standings[i] as ModelStanding,
    }))
    .sort(strongestFirst);
  return {
    battles: byScores.battles.length,
    prompts: battles.prompts,
    models,
    ...correlationOf(battles),
  };
}

function strongestFirst(a: ModelStrength, b: ModelStrength): number {
  const [one, other] = [a.byScores, b.byScores];
  const component = (one.component ?? Number.MAX_VALUE) - (other.component ?? Number.MAX_VALUE);
  if (component !== 0) return component;
  const strength = (other.strength ?? 0) - (one.strength ?? 0);
  return strength || other.winRate - one.winRate || (a.model < b.model ? -1 : 1);
}

/** The models that are in the main component of both, by their places in the one and in the other. */
export function commonPlaces({ byScores, byLabels }: Battles): { readonly ours: number; readonly theirs: number }[] {
  const places = new Map((byLabels.main?.players ?? []).map((player, place) => [player, place]));
  return (byScores.main?.players ?? []).flatMap((player, ours) => {
    const theirs = places.get(player);
    return theirs === undefined ? [] : [{ ours, theirs }];
  });
}

/** Kendall's and Spearman's correlation of the strengths of {@link commonPlaces}; absent where undefined. */
export function correlationOf(battles: Battles): { readonly kendall?: number; readonly spearman?: number } {
  const common = commonPlaces(battles);
  const scores = common.map(({ ours }) => battles.byScores.main?.strengths[ours] as number);
  const labels = common.map(({ theirs }) => battles.byLabels.main?.strengths[theirs] as number);
  const kendall = kendallTauB(scores, labels);
  const rho = scores.length > 1 ? spearman(Float64Array.from(scores), Float64Array.from(labels)) : undefined;
  return { ...(kendall !== undefined && { kendall }), ...(rho !== undefined && { spearman: rho }) };
}

function ranking(count: number, battles: readonly Battle[]): Ranking {
  const sums = Array.from({ length: count }, () => ({ prompts: new PromptSums(), battles: 0, points: 0 }));
  for (const { one, other, outcome, prompt } of battles)
    for (const [model, points] of [
      [one, outcome],
      [other, 1 - outcome],
    ] as const) {
      const at = sums[model] as (typeof sums)[number];
      at.battles += 1;
      at.points += points;
      at.prompts.add({ prompt: String(prompt) }, points);
    }
  const components = fitBradleyTerry(count, battles);
  const strengths = new Map<number, Pick<ModelStanding, "strength" | "strengthInterval" | "component">>();
  for (const [i, component] of components.entries())
    for (const [place, player] of component.players.entries()) {
      const strength = component.strengths[place] as number;
      const half = halfWidth(component, place);
      const strengthInterval = { level: INTERVAL_LEVEL, low: strength - half, high: strength + half };
      strengths.set(player, { strength, strengthInterval, component: i + 1 });
    }
  const standings = sums.map(({ prompts, battles: count_, points }, model): ModelStanding => {
    const interval = clusteredInterval(prompts.values());
    return { winRate: points / count_, ...(interval && { interval }), ...strengths.get(model) };
  });
  return { battles, main: components[0], standings };
}

/** Half the width of a strength's interval. A model's own prompts are what its strength rests on. */
export function halfWidth({ covariance, prompts }: FittedComponent, place: number): number {
  const variance = covariance[place]?.[place] as number;
  return studentQuantile(Math.max(1, (prompts[place] as number) - 1)) * Math.sqrt(variance);
}

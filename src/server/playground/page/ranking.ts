/** Scores as a ranking: places, differences, and what a difference means. */
import type { ScoreDirection } from "../../../reward-head.ts";
import { ranksOf } from "../../../scoring/ranks.ts";

export interface Ranked<T> {
  readonly entry: T;
  readonly score: number;
  /** 1 for the best; equal scores share the better place. */
  readonly place: number;
  /** To the reference: negative for a worse one. */
  readonly difference: number;
}

/** Best first; equal ones in their own order. */
export function rank<T>(
  scored: readonly { entry: T; score: number }[],
  reference?: T,
  direction: ScoreDirection = "higher",
): Ranked<T>[] {
  const places = ranksOf(
    scored.map(({ score }) => score),
    direction,
  );
  const sign = direction === "lower" ? -1 : 1;
  const sorted = scored
    .map(({ entry, score }, i) => ({ entry, score, place: places[i] as number }))
    .sort((a, b) => a.place - b.place);
  const base = sorted.find(({ entry }) => entry === reference) ?? sorted[0];
  return sorted.map((one) => ({ ...one, difference: sign * (one.score - (base?.score ?? 0)) }));
}

/** How often the first of two responses is preferred, by the model's own measure: 0.5 for equal scores. */
export function preference(difference: number): number {
  return 1 / (1 + Math.exp(-difference));
}

/** "73 %", and at the ends what a rounded number would hide. */
export function percent(part: number): string {
  const rounded = Math.round(100 * part);
  if (rounded >= 100) return "over 99 %";
  if (rounded <= 0) return "under 1 %";
  return `${rounded} %`;
}

const MINUS = "−";

/** With three decimals, which is more than a ranking needs. The exact number is in the export. */
export function shown(value: number): string {
  const text = Math.abs(value).toFixed(3);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** With its sign, also a plus. */
export function signed(value: number): string {
  const text = shown(value);
  return text.startsWith(MINUS) ? text : `+${text}`;
}

/** Where bars begin and end. They do not begin at zero, because zero means nothing. */
export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** Below that, bars that differ visibly would exaggerate: a difference of 1 is 73 %. */
const MIN_SPAN = 1;
/** Part of the span that the worst bar has. */
const MARGIN = 0.12;
const TICKS = 4;

export function scaleOf(scores: readonly number[]): Scale {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const span = Math.max(high - low, MIN_SPAN);
  const from = high - span * (1 + MARGIN);
  const step = niceStep((high - from) / TICKS);
  const first = Math.ceil(from / step);
  const count = Math.floor(high / step) - first + 1;
  const ticks = Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { from, to: high, ticks };
}

/** 0 to 1. */
export function along({ from, to }: Scale, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
}

export function tickText(value: number): string {
  return value < 0 ? MINUS + String(Math.abs(value)) : String(value);
}

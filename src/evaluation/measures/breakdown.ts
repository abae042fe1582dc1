/** Accuracy by the values of a field. Pure. */
import type { ScoredCase } from "../case.ts";
import { type AccuracyMeasures, measureAccuracy } from "./accuracy.ts";

/** Accuracy of the cases with one value of a field. */
export interface GroupMeasures extends AccuracyMeasures {
  /** The field's value; absent: of the cases without one. */
  readonly value?: string;
}

/** Accuracy by the values of one field. */
export interface Breakdown {
  /** The field, as it was asked for: "category", "meta.source", "turns", "length". */
  readonly field: string;
  /** Largest group first; the cases without a value last. */
  readonly groups: readonly GroupMeasures[];
}

export function measureBreakdown(cases: readonly ScoredCase[], field: string): Breakdown {
  const named = new Map<string, ScoredCase[]>();
  const without: ScoredCase[] = [];
  for (const scored of cases) {
    const value = scored.groups?.[field];
    if (value === undefined) without.push(scored);
    else if (!named.get(value)?.push(scored)) named.set(value, [scored]);
  }
  const groups: GroupMeasures[] = [...named]
    .sort(([a, these], [b, those]) => those.length - these.length || byNumber(a, b))
    .map(([value, members]) => ({ value, ...measureAccuracy(members) }));
  return { field, groups: without.length === 0 ? groups : [...groups, measureAccuracy(without)] };
}

/** Groups of one size: numbers by value, then texts. */
function byNumber(a: string, b: string): number {
  const difference = Number.parseFloat(a) - Number.parseFloat(b);
  return Number.isNaN(difference) || difference === 0 ? (a < b ? -1 : 1) : difference;
}

/** Agreement of scores and people on the models that wrote the responses, as PPE and Arena-Hard (T. Li et al., 2024) measure it. Pure. */
import { mean } from "./accuracy.ts";
import type { Battle, FittedComponent } from "./bradley-terry.ts";
import { pearson } from "./correlation.ts";
import { normalTest } from "./distributions.ts";
import { type Battles, commonPlaces, correlationOf, halfWidth } from "./strengths.ts";

/** Each number is absent where it is undefined. */
export interface ModelAgreement {
  /** Models in the data. */
  readonly models: number;
  /** Spearman's rho of the models' strengths by scores and by people. */
  readonly spearman?: number;
  /** Kendall's tau-b of the same. */
  readonly kendall?: number;
  /** Mean over models of Pearson's r between their win rates against each of the others. */
  readonly rowPearson?: number;
  /** Part of the pairs of models whose 95 % intervals of strength do not overlap, by scores. */
  readonly separability?: number;
  /** Mean over the pairs that people tell apart: 1 if the scores tell them apart in the same order, -1 in the other, else 0. */
  readonly confidenceAgreement?: number;
  /** Mean squared error of the scores' probability that one model is stronger, where people say which one is, 0 to 1. */
  readonly brier?: number;
}

/** Undefined without two models. */
export function agreeOnModels(battles: Battles | undefined): ModelAgreement | undefined {
  if (battles === undefined || battles.models.length < 2) return undefined;
  const count = battles.models.length;
  const rows = rowCorrelations(count, battles.byScores.battles, battles.byLabels.battles);
  return {
    models: count,
    ...correlationOf(battles),
    ...(rows.length > 0 && { rowPearson: mean(rows) }),
    ...comparePairs(battles),
  };
}

/** Pearson's r between each model's win rates against the others that both know; models with fewer than two differing rates are left out. */
function rowCorrelations(count: number, scores: readonly Battle[], labels: readonly Battle[]): number[] {
  const [ours, theirs] = [winRates(count, scores), winRates(count, labels)];
  return ours.flatMap((row, model) => {
    const others = row.flatMap((rate, other) => (rate === undefined ? [] : [other]));
    const r = pearson(
      Float64Array.from(others, (other) => row[other] as number),
      Float64Array.from(others, (other) => theirs[model]?.[other] as number),
    );
    return r === undefined ? [] : [r];
  });
}

function winRates(count: number, battles: readonly Battle[]): (number | undefined)[][] {
  const points = Array.from({ length: count }, () => new Float64Array(count));
  const played = Array.from({ length: count }, () => new Float64Array(count));
  const add = (matrix: readonly Float64Array[], i: number, j: number, value: number) => {
    const row = matrix[i] as Float64Array;
    row[j] = (row[j] as number) + value;
  };
  for (const { one, other, outcome } of battles) {
    add(points, one, other, outcome);
    add(points, other, one, 1 - outcome);
    add(played, one, other, 1);
    add(played, other, one, 1);
  }
  return points.map((row, i) =>
    Array.from(row, (sum, j) => {
      const times = played[i]?.[j] as number;
      return times === 0 ? undefined : sum / times;
    }),
  );
}

function comparePairs(battles: Battles): Pick<ModelAgreement, "separability" | "confidenceAgreement" | "brier"> {
  const [scores, labels] = [battles.byScores.main, battles.byLabels.main];
  if (scores === undefined || labels === undefined) return {};
  const common = commonPlaces(battles);
  let [pairs, apart, told, agreement] = [0, 0, 0, 0];
  const errors: number[] = [];
  for (const [i, a] of common.entries())
    for (const b of common.slice(i + 1)) {
      const ours = orderOf(scores, a.ours, b.ours);
      const theirs = orderOf(labels, a.theirs, b.theirs);
      pairs += 1;
      if (ours !== 0) apart += 1;
      if (theirs !== 0) {
        told += 1;
        agreement += ours * theirs;
      }
      const truth = (labels.strengths[a.theirs] as number) - (labels.strengths[b.theirs] as number);
      if (truth !== 0) errors.push((chanceOfOrder(scores, a.ours, b.ours) - (truth > 0 ? 1 : 0)) ** 2);
    }
  return {
    ...(pairs > 0 && { separability: apart / pairs }),
    ...(told > 0 && { confidenceAgreement: agreement / told }),
    ...(errors.length > 0 && { brier: mean(errors) }),
  };
}

/** 1 or -1 if the intervals of two strengths do not overlap, else 0. */
function orderOf(component: FittedComponent, a: number, b: number): number {
  const difference = (component.strengths[a] as number) - (component.strengths[b] as number);
  return Math.abs(difference) > halfWidth(component, a) + halfWidth(component, b) ? Math.sign(difference) : 0;
}

/** Probability that the first is stronger, for normally distributed errors. */
function chanceOfOrder({ strengths, covariance }: FittedComponent, a: number, b: number): number {
  const difference = (strengths[a] as number) - (strengths[b] as number);
  const at = (i: number, j: number) => covariance[i]?.[j] as number;
  const variance = at(a, a) + at(b, b) - 2 * at(a, b);
  if (!(variance > 0)) return difference > 0 ? 1 : difference < 0 ? 0 : 0.5;
  const beyond = normalTest(difference / Math.sqrt(variance)) / 2;
  return difference > 0 ? 1 - beyond : beyond;
}

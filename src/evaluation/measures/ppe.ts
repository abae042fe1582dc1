/**
 * Preference Proxy Evaluations (E. Frick et al., 2024, arXiv 2410.14872): agreement with people in the Chatbot Arena, and how well
 * scores find right answers among many to one question. The definitions are the paper's; docs/evaluation.md says what is ours.
 */
import type { ScoredCase } from "../case.ts";
import { type AccuracyMeasures, bySubset, mean, measureAccuracy } from "./accuracy.ts";
import { type BestOfNCurve, bestOfNCurve } from "./best-of-n.ts";
import { rocAuc } from "./correlation.ts";
import type { Interval } from "./interval.ts";
import { agreeOnModels, type ModelAgreement } from "./ppe-models.ts";
import { readBattles } from "./strengths.ts";
import { intervalOfParts, type PromptValue, type ScoreParts } from "./weighted-mean.ts";

/** The subset of the human preferences. */
export const PPE_HUMAN = "human";

/** Area under the ROC curve of scores as predictions of right answers, 0 to 1. Absent without right and wrong answers. */
export interface PpeRocAuc {
  /** Scores brought to mean 0 and deviation 1 within each question. */
  readonly standardized: number;
  /** Raw scores of all questions together. */
  readonly pooled: number;
  /** Mean over questions with right and wrong answers. */
  readonly withinPrompts: number;
}

/** Right answers among many: one of PPE's five sets. */
export interface PpeCorrectness {
  /** "mmlu_pro", "math", "gpqa", "ifeval" or "mbpp_plus"; "best_of_k" for other data. */
  readonly benchmark: string;
  /** Scored questions. */
  readonly cases: number;
  /** Pairs of a right and a wrong answer, as the data sample them. */
  readonly pairs: number;
  /** Part of the pairs in which the right answer has the higher score, 0 to 1. */
  readonly accuracy: number;
  /** Of `accuracy`, at 95 %, over questions. */
  readonly interval?: Interval;
  /** Of all answers, not only of the pairs; absent without right and wrong ones. */
  readonly rocAuc?: PpeRocAuc;
  /** Expected correctness of the answer with the highest score among k. */
  readonly bestOfK?: BestOfNCurve;
  /** Highest point of the curve. */
  readonly maxScore?: number;
  /** Last point of the curve. */
  readonly endScore?: number;
  /** Mean over k of the curve's distance to the oracle's: the expected squared error of a choice, where labels are right or wrong. */
  readonly loss?: number;
  /** Mean over k of the squared distance of the two curves. */
  readonly squaredLoss?: number;
}

/** Agreement with people. */
export interface PpeHuman extends AccuracyMeasures {
  /** Agreement on the models that wrote the responses; absent without names of models. */
  readonly models?: ModelAgreement;
}

/** The numbers of PPE. */
export interface PpeScore {
  /** Tells it from other official scores. */
  readonly kind: "ppe";
  /** Mean accuracy of the five correctness sets, 0 to 1; absent if one is missing. */
  readonly score?: number;
  /** Of `score`, at 95 %, over questions, which sets may have in common. */
  readonly interval?: Interval;
  /** Absent without human preferences. */
  readonly human?: PpeHuman;
  /** One for each correctness set with cases. */
  readonly correctness: readonly PpeCorrectness[];
  /** Correctness sets without a scored case. */
  readonly missing: readonly string[];
}

const CORRECTNESS = ["mmlu_pro", "math", "gpqa", "mbpp_plus", "ifeval"] as const;

/** Undefined without cases. @param battles of the cases: only the human preferences name models */
export function scorePpe(cases: readonly ScoredCase[], battles = readBattles(cases)): PpeScore | undefined {
  if (cases.length === 0) return undefined;
  const subsets = bySubset(cases);
  const people = subsets.get(PPE_HUMAN);
  const models = people && agreeOnModels(battles);
  const correctness: PpeCorrectness[] = [];
  for (const [benchmark, members] of subsets)
    if (benchmark !== PPE_HUMAN) correctness.push(measureCorrectness(benchmark, members));
  const known = CORRECTNESS.flatMap((name) => correctness.find(({ benchmark }) => benchmark === name) ?? []);
  const missing = CORRECTNESS.filter((name) => !subsets.has(name));
  const whole = partsOf(subsets);
  const interval = whole && intervalOfParts(whole.parts);
  return {
    kind: "ppe",
    ...(whole && { score: mean(known.map(({ accuracy }) => accuracy)) }),
    ...(interval && { interval }),
    ...(people && { human: { ...measureAccuracy(people), ...(models && { models }) } }),
    correctness,
    missing,
  };
}

/** The score as a weighted mean; undefined where it is absent. */
export function ppeParts(cases: readonly ScoredCase[]): ScoreParts | undefined {
  return partsOf(bySubset(cases));
}

function partsOf(subsets: ReadonlyMap<string, readonly ScoredCase[]>): ScoreParts | undefined {
  const parts = CORRECTNESS.map((name) => ({
    weight: 1 / CORRECTNESS.length,
    values: pairsOf(subsets.get(name) ?? []),
  }));
  return CORRECTNESS.every((name) => subsets.has(name)) ? { parts, known: 0 } : undefined;
}

function measureCorrectness(benchmark: string, cases: readonly ScoredCase[]): PpeCorrectness {
  const values = pairsOf(cases);
  const interval = intervalOfParts([{ weight: 1, values }]);
  const curve = bestOfNCurve(cases);
  const auc = rocAucOf(cases);
  return {
    benchmark,
    cases: cases.length,
    pairs: values.length,
    accuracy: mean(values.map(({ value }) => value)),
    ...(interval && { interval }),
    ...(auc && { rocAuc: auc }),
    ...(curve && { bestOfK: curve, ...lossesOf(curve) }),
  };
}

/** 1 for each pair in which the right answer has the higher score, else 0. */
function pairsOf(cases: readonly ScoredCase[]): PromptValue[] {
  return cases.flatMap(({ prompt, scores, comparisons }) =>
    comparisons.map(({ better, worse }) => ({
      prompt,
      value: (scores[better] as number) > (scores[worse] as number) ? 1 : 0,
    })),
  );
}

function lossesOf({ points }: BestOfNCurve): Pick<PpeCorrectness, "maxScore" | "endScore" | "loss" | "squaredLoss"> {
  const gaps = points.map(({ oracle, chosen }) => oracle - chosen);
  return {
    maxScore: points.reduce((most, { chosen }) => Math.max(most, chosen), Number.NEGATIVE_INFINITY),
    endScore: points.at(-1)?.chosen as number,
    loss: mean(gaps),
    squaredLoss: mean(gaps.map((gap) => gap * gap)),
  };
}

function rocAucOf(cases: readonly ScoredCase[]): PpeRocAuc | undefined {
  const [raw, standard, labels]: [number[], number[], boolean[]] = [[], [], []];
  const within: number[] = [];
  for (const { scores, grades } of cases) {
    const known = scores.flatMap((score, i) => (grades[i] === undefined ? [] : [{ score, right: grades[i] > 0 }]));
    if (known.length === 0) continue;
    const centre = mean(known.map(({ score }) => score));
    const deviation = Math.sqrt(mean(known.map(({ score }) => (score - centre) ** 2)));
    for (const { score, right } of known) {
      raw.push(score);
      standard.push(deviation > 0 ? (score - centre) / deviation : 0);
      labels.push(right);
    }
    const own = rocAuc(
      known.map(({ score }) => score),
      known.map(({ right }) => right),
    );
    if (own !== undefined) within.push(own);
  }
  const [standardized, pooled] = [rocAuc(standard, labels), rocAuc(raw, labels)];
  if (standardized === undefined || pooled === undefined || within.length === 0) return undefined;
  return { standardized, pooled, withinPrompts: mean(within) };
}

/** The cases of a benchmark through a model: what evaluating and comparing have in common. */
import type { ScoreProgress } from "../progress.ts";
import type { PlacedCase, ScoredCase } from "./case.ts";
import type { OpenBenchmark } from "./open-benchmark.ts";
import type { OpenModel } from "./open-model.ts";
import { scoreCases } from "./score-cases.ts";

/** How far it is: cases that were scored or failed, and tokens that were evaluated. */
export interface ScoringProgress {
  readonly cases: number;
  readonly tokens: number;
}

export function scoringProgress(benchmark: string, done: ScoringProgress, total: number | undefined): ScoreProgress {
  const { cases, tokens } = done;
  const part = total === undefined ? {} : { itemsTotal: total, fraction: total === 0 ? 1 : cases / total };
  return { phase: "scoring", benchmark, itemsDone: cases, tokensDone: tokens, ...part };
}

/**
 * Yields the cases that could be scored, in order; the others are told of as problems of the benchmark.
 *
 * @param onProgress called before the first case, as responses finish, and after each case
 */
export async function* scoreBenchmark(
  benchmark: OpenBenchmark,
  cases: Iterable<PlacedCase> | AsyncIterable<PlacedCase>,
  { model, cache }: Pick<OpenModel, "model" | "cache">,
  signal: AbortSignal | undefined,
  onProgress: (progress: ScoringProgress) => void,
): AsyncGenerator<{ readonly placed: PlacedCase; readonly scored: ScoredCase }, void, undefined> {
  let progress: ScoringProgress = { cases: 0, tokens: 0 };
  const tell = (news: Partial<ScoringProgress>) => {
    progress = { ...progress, ...news };
    onProgress(progress);
  };
  tell({});
  for await (const outcome of scoreCases(cases, model, cache, { signal, onTokens: (tokens) => tell({ tokens }) })) {
    if ("error" in outcome) benchmark.addFailure(outcome.placed, outcome.error);
    else yield outcome;
    tell({ cases: progress.cases + 1 });
  }
}
